"""`./leadhub demo` as a user starts it: a filled workspace, live traffic, a clean end and a second start."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from demo.lead_sources import LEAD_SOURCES
from tests.support.processes import descendants, is_alive
from tests.support.stack import START_SECONDS, STOP_SECONDS, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
READY_TEXT = "The demo runs"
PAST_LEADS = 60


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Stack]:
    """A demo that the test starts, and that is gone at the end whatever happened."""
    stack = Stack(tmp_path / "demo", options=("--leads", str(PAST_LEADS), "--rate", "20"), command="demo")
    try:
        yield stack
    finally:
        stack.stop()


def start_demo(demo: Stack) -> None:
    before = demo.said().count(READY_TEXT) if demo.process else 0
    demo.launch()
    until(lambda: demo.said().count(READY_TEXT) > before, START_SECONDS, "the demo's banner")
    demo.key = re.findall(r"lh_\w+", demo.said())[-1]


def interrupt_demo(demo: Stack) -> None:
    """Press Ctrl-C: it ends with status 0, and nothing of it is left."""
    started = descendants(demo.pid)
    assert demo.process is not None
    os.kill(demo.pid, signal.SIGINT)
    assert demo.process.wait(STOP_SECONDS) == 0
    until(lambda: not any(map(is_alive, started)), 10, "the end of all that the demo started")


def get_data(demo: Stack, path: str) -> Any:
    request = urllib.request.Request(f"{demo.base}/api/v1/{path}", headers=demo.headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return orjson.loads(answer.read())


def total(demo: Stack, path: str) -> int:
    return int(get_data(demo, f"{path}{'&' if '?' in path else '?'}per_page=1")["meta"]["total"])


def has_duplicates(demo: Stack) -> bool:
    return any(one["is_duplicate"] for one in get_data(demo, "submissions?state=done&per_page=100")["data"])


def unused_sources(demo: Stack) -> list[str]:
    """The sources whose key was not used since the demo was filled."""
    used = {key["name"] for key in get_data(demo, "api-keys?per_page=100")["data"] if key["last_used_at"]}
    return [source.name for source in LEAD_SOURCES if source.name not in used]


def assert_ledger_adds_up(demo: Stack) -> None:
    counts = demo.status()
    assert counts["accepted"] == sum(counts[name] for name in ("pending", "done", "dead", "quarantined", "spooled"))


@pytest.mark.extended
def test_demo_shows_all_kinds_of_traffic_and_goes_on_after_ctrl_c(demo: Stack) -> None:
    start_demo(demo)
    assert "made up" in demo.said().lower()
    until(lambda: not unused_sources(demo), 30, "a post from every source")
    until(lambda: has_duplicates(demo), 30, "a duplicate")
    until(lambda: total(demo, "deliveries?state=failed"), 30, "a failed delivery")
    dead = until(lambda: get_data(demo, "submissions?state=dead")["data"], 30, "a dead submission")
    assert dead[0]["error"] == 'CheckViolation: custom field "budget" is not a number'
    old = get_data(demo, "leads?sort=created_at&direction=asc&per_page=1")["data"][0]
    newest = get_data(demo, "leads?per_page=1")["data"][0]
    assert old["created_at"][:10] < newest["created_at"][:10]  # the first leads are spread over days
    assert_ledger_adds_up(demo)
    leads = total(demo, "leads")
    assert leads > PAST_LEADS * 0.7
    interrupt_demo(demo)

    key = demo.key
    start_demo(demo)
    assert demo.key == key
    until(lambda: total(demo, "leads") > leads, 30, "more leads than before")
    assert_ledger_adds_up(demo)
    interrupt_demo(demo)


def test_demo_fills_no_foreign_data_dir(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()
    refused = Stack(tmp_path / "data").run("demo", check=False)
    assert refused.returncode == 2
    assert "holds something else" in refused.stderr
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine"]


@pytest.mark.extended
def test_demo_fills_no_foreign_database(tmp_path: Path) -> None:
    env = {"LEADHUB_DATABASE_URL": "postgresql://leadhub@127.0.0.1:1/production"}
    refused = Stack(tmp_path / "data", env).run("demo", check=False)
    assert refused.returncode == 2
    assert "LEADHUB_DATABASE_URL names another" in refused.stderr
    assert not (tmp_path / "data").exists()
