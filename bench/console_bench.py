"""The benchmark of the console: each page on a workspace of a million submissions, and the price of open consoles."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.console_client import ConsoleReader, sign_in_reader
from bench.console_crowd import measure_crowd
from bench.console_pages import ConsolePage, console_pages, find_records
from bench.load import percentile
from bench.seed_data import fill_workspace, wait_until_folded
from bench.seed_operations import fill_operations
from bench.seed_pairs import fill_pairs
from bench.seed_setup import SetupRecords, fill_setup
from bench.seed_submissions import SeededSubmissions, fill_submissions, vacuum_submissions
from bench.stack import BENCH_WORKSPACE, running_leadhub

SUBMISSION_COUNT, QUICK_SUBMISSION_COUNT = 1_000_000, 100_000
WARM_UP_REQUESTS = 3
PAGE_REQUESTS, QUICK_PAGE_REQUESTS = 40, 15
HOPELESS_PAGE_MS = 5_000.0  # a page that took so long is not requested again: one of them would cost minutes


@dataclass
class PageTimes:
    """The answers of a page: milliseconds, bytes and statuses, and the milliseconds of `SELECT 1` right after each."""

    page: ConsolePage
    ms: list[float] = field(default_factory=list)
    select_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bytes: int = 0

    @property
    def is_hopeless(self) -> bool:
        return bool(self.ms) and self.ms[-1] > HOPELESS_PAGE_MS


def measure_console(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return the times of the pages, the price of ten open consoles, and the ledger of the leads sent meanwhile."""
    with (
        running_leadhub(folder / "leadhub") as running,
        psycopg.connect(running.database_url, autocommit=True) as database,
    ):
        n = QUICK_SUBMISSION_COUNT if quick else SUBMISSION_COUNT
        seeded, setup = seed_workspace(database, BENCH_WORKSPACE, n)
        reader = sign_in_reader(running.target.url.partition("/api/")[0], folder / "leadhub")
        pages = console_pages(reader, find_records(database, seeded), setup, seeded)
        times = time_pages(reader, database, pages, QUICK_PAGE_REQUESTS if quick else PAGE_REQUESTS)
        crowd = measure_crowd(running, reader, quick=quick)
        return {
            "submissions": seeded.n,
            "pages": [page_result(each) for each in times],
            "crowd": crowd,
            "ledger": running.ledger.fault_totals(),
        }


def seed_workspace(database: psycopg.Connection, slug: str, n: int) -> tuple[SeededSubmissions, SetupRecords]:
    """Fill a workspace with `n` leads, a submission of each, what stands around them, and what people set up."""
    workspace = fill_workspace(database, slug, n)
    seeded = fill_submissions(database, workspace, n, datetime.now(UTC))
    fill_operations(database, seeded)
    setup = fill_setup(database, seeded)
    vacuum_submissions(database)
    print("waiting for the sweeper", file=sys.stderr)
    wait_until_folded(database)
    fill_pairs(database, workspace)
    return seeded, setup


def time_pages(
    reader: ConsoleReader, database: psycopg.Connection, pages: Sequence[ConsolePage], times: int
) -> list[PageTimes]:
    """Request all pages in turn, round by round, so that what the console remembers for seconds is read again."""
    measured = [PageTimes(page) for page in pages]
    for number in range(-WARM_UP_REQUESTS, times):
        print(f"pages, round {number + 1} of {times}" if number >= 0 else "pages, warming up", file=sys.stderr)
        for each in measured:
            if each.is_hopeless:
                continue
            answer = reader.request_page(each.page.path, is_part=each.page.is_part)
            select_ms = time_select(database)
            each.statuses[answer.status] += 1
            is_slow = answer.ms > HOPELESS_PAGE_MS
            if is_slow:
                print(f"{each.page.label}: {answer.ms:,.0f} ms, status {answer.status}", file=sys.stderr)
            if number >= 0 or is_slow:
                each.ms.append(answer.ms)
                each.select_ms.append(select_ms)
                each.bytes = len(answer.body)
    return measured


def time_select(database: psycopg.Connection) -> float:
    """Return the milliseconds of the shortest question to the database."""
    started = time.perf_counter()
    database.execute("SELECT 1").fetchone()
    return (time.perf_counter() - started) * 1e3


def page_result(times: PageTimes) -> dict[str, Any]:
    """Return the figures of a page. It meets its target if its p95 does and every answer had the right status."""
    ordered, selects = sorted(times.ms), sorted(times.select_ms)
    p95 = percentile(ordered, 0.95)
    return {
        "label": times.page.label,
        "path": times.page.path,
        "p50": percentile(ordered, 0.5),
        "p95": p95,
        "max": ordered[-1],
        "statuses": {str(status): n for status, n in sorted(times.statuses.items())},
        "bytes": times.bytes,
        "select_p50": percentile(selects, 0.5),
        "select_p95": percentile(selects, 0.95),
        "at_most": times.page.limit_ms,
        "met": p95 < times.page.limit_ms and set(times.statuses) == {times.page.status},
    }
