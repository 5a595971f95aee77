"""A worker that lives and does nothing is found by its heartbeat, and no other is taken for it."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cli import watchdog
from cli.supervisor import SupervisedChild
from cli.watchdog import HeartbeatWatch
from embedded.process import ChildProgram
from tests.support.waiting import until

pytestmark = pytest.mark.integration

HERE = socket.gethostname()
BEAT = """
INSERT INTO processes (name, kind, host, pid, seen_at) VALUES (%s, 'worker', %s, %s, now() - %s * interval '1 h')
"""
Start = Callable[[str], SupervisedChild]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children: list[SupervisedChild] = []

    def make(name: str) -> SupervisedChild:
        argv = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
        child = SupervisedChild(ChildProgram(name=name, argv=argv, log=tmp_path / f"{name}.log", env={}, stop_stage=0))
        child.start()
        children.append(child)
        return child

    yield make
    for child in children:
        child.kill()


def test_whose_heart_stopped_is_killed_and_nobody_else(
    database_url: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "HEARTBEAT_STALE_SECONDS", 1.0)
    monkeypatch.setattr(watchdog, "HEARTBEAT_CHECK_INTERVAL_SECONDS", 0.05)
    still, well, elsewhere, young = (start(name) for name in ("still", "well", "elsewhere", "young"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        for child, host, hours in ((still, HERE, 1), (well, HERE, -1), (elsewhere, "there", 1), (young, HERE, 1)):
            assert child.process
            connection.execute(BEAT, (child.program.name, host, child.process.pid, hours))
    young.started_at = time.monotonic() + 600  # what is stale is of another that bore its number
    began = time.monotonic()
    heartbeats = HeartbeatWatch(database_url, [still, well, elsewhere, young])

    def is_killed() -> bool:
        heartbeats.kill_stale()
        return not still.is_running

    until(is_killed, what="the end of the one")
    assert time.monotonic() - began > 1.0  # until then the database itself may have been away
    heartbeats.kill_stale()
    assert all(child.is_running for child in (well, elsewhere, young))


def test_hearts_that_stood_still_with_the_supervisor_get_more_time(
    database_url: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine sleeps: the clock of its sleep goes on, and nobody could send a sign of life."""
    monkeypatch.setattr(watchdog, "HEARTBEAT_STALE_SECONDS", 2.0)
    monkeypatch.setattr(watchdog, "HEARTBEAT_CHECK_INTERVAL_SECONDS", 600.0)
    child = start("still")
    assert child.process
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(BEAT, ("still", HERE, child.process.pid, 1))
    watch, asleep = HeartbeatWatch(database_url, [child]), 0.0
    clock = watchdog.boot_seconds
    monkeypatch.setattr(watchdog, "boot_seconds", lambda: clock() + asleep)
    until(lambda: watch._answers_since is not None)
    for waking in (1.5, 1.5):
        asleep += waking
        found = watch._query_stale()
    assert found == {child.process.pid}
    asleep += 3600
    assert watch._query_stale() == set()
    for waking in (1.5, 1.5):
        asleep += waking
        found = watch._query_stale()
    assert found == {child.process.pid}
