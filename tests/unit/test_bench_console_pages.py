"""The benchmark of the console knows each page: one that is not measured says why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bench.console_pages import PageRecords, console_pages
from bench.seed_setup import SetupRecords
from bench.seed_submissions import SeededSubmissions
from bench.stack import BENCH_WORKSPACE
from services.console.app import CONSOLE_ROUTES

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Parts of addresses of what is no page of a workspace, or of which the benchmark has no record.
UNMEASURED = {
    "a redirection, or a page for strangers": ("/", "/console", "/console/", "/sign-in", "/forgotten", "/welcome/"),
    "a file or a part for a script": (
        ".csv",
        ".json",
        ".svg",
        "/export",
        "/files/",
        "/pipeline/column",
        "/jobs/{id}/end",
    ),
    "a redirection to another page": ("/submissions/selected", "/duplicates/{id}"),
    "the workspace has no such record": ("/forms/{id}", "/sources/{id}", "/import/{id}", "/conversions/{id}"),
    "for operators alone": ("/settings/system",),
}


class OfflineReader:
    """A reader without a console: the second page of a list has the address of the first."""

    def older_path(self, path: str) -> str:
        return path


def is_unmeasured(path: str) -> bool:
    marks = [mark for group in UNMEASURED.values() for mark in group]
    return any(path == mark if mark in ("/", "/console", "/console/") else mark in path for mark in marks)


def measured_paths() -> set[str]:
    seeded = SeededSubmissions(workspace_id=1, n=100, until=NOW, causes=())
    records = PageRecords(
        (NOW, "00000000-0000-7000-8000-000000000000"), 1, "a@example.com", "d", ["h"], 2, 3, (1, 4), 5
    )
    reader: Any = OfflineReader()
    pages = console_pages(reader, records, SetupRecords(6, 7, 8, 9), seeded)
    return {page.path.partition("?")[0] for page in pages}


def test_benchmark_measures_each_page_of_the_console() -> None:
    measured = measured_paths()
    routes = [route for route in CONSOLE_ROUTES if isinstance(route, web.RouteDef) and route.method == "GET"]
    pages = [route.path for route in routes if not route.path.endswith("/live") and not is_unmeasured(route.path)]
    assert len(pages) > 40
    assert [path for path in pages if not any(is_of_route(each, path) for each in measured)] == []


def is_of_route(path: str, route: str) -> bool:
    """Whether an address is one of a route. A part of a route in braces is anything."""
    parts = zip(path.split("/"), route.replace("{workspace}", BENCH_WORKSPACE).split("/"), strict=False)
    return path.count("/") == route.count("/") and all(
        given == wanted or wanted.startswith("{") for given, wanted in parts
    )
