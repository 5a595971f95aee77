"""`up` itself: killed without warning, started twice, stopped."""

import asyncio
import mmap
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.dirty_page_flusher import HARMLESS_DIRTY_KIB
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support import event_probe
from tests.support.checker import check
from tests.support.load import loaded
from tests.support.page_cache import dirty_pages
from tests.support.processes import command_line, descendants, is_alive
from tests.support.stack import LAUNCHER, Stack, running_stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until

pytestmark = pytest.mark.faults
FLUSHED_WITHIN = 20.0  # seconds; the kernel by itself would take thirty
HARMLESS_PAGES = HARMLESS_DIRTY_KIB * 1024 // mmap.PAGESIZE  # a rest that may stay: the table has four times as many


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A LeadHub that the test may kill."""
    with running_stack(tmp_path / "data") as stack:
        event_probe.save(stack)
        yield stack


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
async def test_a_killed_up_leaves_nothing_and_the_next_goes_on(own: Stack, rounds: int) -> None:
    """Callers with an idempotency key keep trying, and are served by the next `up`."""
    async with loaded(own) as told:
        for _ in range(rounds):
            await told.more(200)
            await asyncio.to_thread(killed_and_started_again, own)
        await told.more(200)
    (await check(own.database_url, own.spool_url, told)).assert_exact()


def killed_and_started_again(stack: Stack) -> None:
    started = [
        pid for role in ("gateway", "worker", "sweeper", "postgres", "broker", "spool") for pid in stack.pids(role)
    ]
    assert len(started) == 6
    os.kill(stack.pid, signal.SIGKILL)
    assert stack.process is not None
    stack.process.wait()
    until(lambda: not any(map(is_alive, started)), 30, "the end of all that `up` started")
    stack.start()


@pytest.mark.extended
async def test_acknowledged_leads_survive_the_kill_of_all_processes(own: Stack) -> None:
    """A power cut, as far as one can be had: what was acknowledged is on disk."""
    async with loaded(own) as told:
        await told.more(200)
        await asyncio.to_thread(everything_killed, own)
        await asyncio.to_thread(own.start)
        await told.more(100)
    (await check(own.database_url, own.spool_url, told)).assert_exact()


def everything_killed(stack: Stack) -> None:
    os.kill(stack.pid, signal.SIGSTOP)
    for role in ("spool", "postgres", "gateway", "worker", "sweeper", "broker"):
        stack.kill(role)
    os.kill(stack.pid, signal.SIGKILL)
    assert stack.process is not None
    stack.process.wait()


@pytest.mark.long
async def test_a_hung_gateway_is_started_again(own: Stack) -> None:
    async with loaded(own) as told:
        await told.more(100)
        (hung,) = await asyncio.to_thread(own.kill, "gateway", signal.SIGSTOP)
        await asyncio.to_thread(until, lambda: not is_alive(hung), 45, "the end of the gateway that hangs")
        await told.more(100)
    (await check(own.database_url, own.spool_url, told)).assert_exact()


@pytest.mark.extended
def test_a_second_starter_is_told_and_harms_nothing(own: Stack) -> None:
    same_folder = second_up(own.folder, free_port("127.0.0.1"))
    assert same_folder.returncode == 2
    assert f"in use by the leadhub process {own.pid}" in same_folder.stderr
    same_port = second_up(own.folder.parent / "other", own.port)
    assert same_port.returncode == 2
    assert f"port {own.port} is in use" in same_port.stderr
    assert same_folder.stdout == same_port.stdout == ""
    assert own.answers_201()


def second_up(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [LAUNCHER, "up", "--port", str(port), "--data-dir", str(folder)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False)


async def test_a_stop_answers_all_and_the_next_start_has_everything(own: Stack) -> None:
    async with loaded(own) as told:
        for number in (signal.SIGTERM, signal.SIGINT):
            await told.more(200)
            os.kill(own.pid, number)
            assert own.process is not None
            assert await asyncio.to_thread(own.process.wait, 60) == 0
            assert not own.leftovers()
            await asyncio.to_thread(own.start)
            await told.more(100)
    assert told.refused == 0
    (await check(own.database_url, own.spool_url, told)).assert_exact()


def stopped(stack: Stack) -> int:
    """The exit status of `up`, all of whose processes are gone."""
    assert stack.process is not None
    stack.pids("postgres")  # remembers them all
    stack.process.terminate()
    os.kill(stack.pid, signal.SIGCONT)
    status = stack.process.wait(60)
    assert not stack.leftovers(), [command_line(pid) for pid in stack.leftovers()]
    return status


@pytest.mark.extended
def test_a_stop_ends_what_a_killed_postgres_leaves(own: Stack) -> None:
    """Nothing asks the processes of the server to end, and they are too busy to see that the server is gone."""
    (server,) = own.pids("postgres")
    os.kill(own.pid, signal.SIGSTOP)
    backends = descendants(server)
    assert len(backends) > 5
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    os.kill(server, signal.SIGKILL)
    until(lambda: not is_alive(server), what="the end of the server")
    assert stopped(own) == 1
    assert "was left behind by what started it, and was killed" in own.said()


@pytest.mark.extended
def test_a_stop_wakes_what_is_stopped(own: Stack) -> None:
    for role in ("gateway", "worker", "sweeper", "broker", "spool", "postgres"):
        own.kill(role, signal.SIGSTOP)
    assert stopped(own) == 0


@pytest.mark.extended
@pytest.mark.parametrize("role", first_in_tier("postgres", "broker", "sweeper", "gateway"))
def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path, role: str) -> None:
    stack = Stack(tmp_path / "data")
    try:
        stack.launch()
        until(lambda: stack.pids(role), 60, f"a process {role}")
        assert stopped(stack) == 0
    finally:
        stack.stop()


@pytest.mark.extended
def test_table_growth_is_flushed_within_seconds(stack: Stack) -> None:
    """The kernel by itself would write it in half a minute, all at once, and every commit would wait behind it."""
    with stack.database() as database:
        database.execute("CREATE TABLE grown (filling text)")
        try:
            database.execute("INSERT INTO grown SELECT repeat('x', 1000) FROM generate_series(1, 60000)")
            (path,) = database.execute("SELECT pg_relation_filepath('grown')").fetchone() or ()
            table = next(stack.folder.glob("postgres-*")) / path
            until(lambda: dirty_pages(table) <= HARMLESS_PAGES, FLUSHED_WITHIN, "a table on the disk")
        finally:
            database.execute("DROP TABLE grown")
