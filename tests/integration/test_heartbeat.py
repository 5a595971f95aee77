"""Who notes what is taken in hand: everybody, for a while after a process died."""

import asyncio
import sys

import psycopg
import pytest

from services.workers.processes.heartbeat import UPDATE_HEARTBEAT_SQL, Heartbeat
from shared.operations.overview import read_processes
from shared.platform.db.connections import Connection
from tests.support.ingesting import accept, item, worker, workspace_id
from tests.support.leads import rows
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

BEAT = """
import asyncio, sys
from services.workers.processes.heartbeat import Heartbeat
from shared.platform.db.connections import connect

async def main():
    async with connect(sys.argv[1], "tests") as connection:
        await Heartbeat("worker", "killed", sys.argv[1]).start(connection)
        await asyncio.Event().wait()

asyncio.run(main())
"""
STALE = """
INSERT INTO processes (name, kind, host, pid, seen_at)
VALUES ('gone', 'worker', 'there', 1, now() - %s * interval '1 min')
"""


async def is_careful(connection: Connection, heartbeat: Heartbeat) -> bool:
    answer = await (
        await connection.execute(UPDATE_HEARTBEAT_SQL.encode(), heartbeat._report(is_busy=False))
    ).fetchone()
    assert answer
    return bool(answer[0])


async def live(connection: Connection, url: str, name: str) -> Heartbeat:
    """A process that begins to work."""
    heartbeat = Heartbeat("worker", name, url)
    assert heartbeat.notes_rows  # it does not know yet
    await heartbeat.start(connection)
    return heartbeat


async def test_workers_note_no_rows_while_all_end_in_order(database_url: str, database: Connection) -> None:
    first = await live(database, database_url, "w1")
    await first.stop(database)
    again, other = await live(database, database_url, "w1"), await live(database, database_url, "w2")
    assert not await is_careful(database, again)
    assert not await is_careful(database, other)
    await again.stop(database)
    await other.stop(database)


async def test_workers_note_rows_after_one_died(database_url: str, database: Connection) -> None:
    lost = await live(database, database_url, "w1")
    other = await live(database, database_url, "w2")
    again = await live(database, database_url, "w1")
    assert await is_careful(database, again)
    assert await is_careful(database, other)
    await database.execute("UPDATE processes SET died_at = now() - interval '11 min' WHERE name = %s", (lost.name,))
    assert not await is_careful(database, other)
    for heartbeat in (lost, again, other):
        await heartbeat.stop(database)


async def test_worker_that_is_killed_shows_before_its_heartbeat_is_old(database_url: str, database: Connection) -> None:
    async def is_shown(*, alive: bool) -> bool:
        noted = await rows(database, "SELECT backend_pid FROM processes WHERE backend_pid IS NOT NULL")
        return bool(noted) and [one.is_alive for one in await read_processes(database)] == [alive]

    beating = await asyncio.create_subprocess_exec(sys.executable, "-c", BEAT, database_url)
    try:
        await until_async(lambda: is_shown(alive=True), what="its heartbeat")
    finally:
        beating.kill()
        await beating.wait()
    await until_async(lambda: is_shown(alive=False), what="its end")
    [found] = await read_processes(database)
    assert found.heartbeat_age_s < 10


async def has_rows(connection: Connection) -> bool:
    return bool(await read_processes(connection))


async def test_two_processes_of_one_name_are_both_seen(database_url: str, database: Connection) -> None:
    """Such as those of two versions while one takes the other's place."""
    older = await asyncio.create_subprocess_exec(sys.executable, "-c", BEAT, database_url)
    try:
        await until_async(lambda: has_rows(database), what="the older one's row")
        newer = await live(database, database_url, "killed")
        assert len(await read_processes(database)) == 2
        await newer.stop(database)
        assert [process.name for process in await read_processes(database)] == [f"killed@{newer.host}"]
    finally:
        older.kill()
        await older.wait()
    newest = await live(database, database_url, "killed")
    assert newest.name == f"killed@{newest.host}"
    await newest.stop(database)


async def test_a_row_that_was_removed_comes_back(database_url: str, database: Connection) -> None:
    heartbeat = await live(database, database_url, "w1")
    await database.execute("DELETE FROM processes")
    await until_async(lambda: has_rows(database), what="its row")
    await heartbeat.stop(database)
    assert await rows(database, "SELECT FROM processes") == []


async def test_worker_is_not_busy_after_a_failed_batch(database_url: str, database: Connection) -> None:
    """One that stays busy for long is taken for stuck, and killed."""
    drainer = worker(database_url, "w1")
    await accept(database, [item(await workspace_id(database), {"email": "a@example.com"})])
    await database.execute("ALTER TABLE identities RENAME TO elsewhere")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await drainer.drain(database)
    assert drainer._heartbeat._busy_since is None
    await database.execute("ALTER TABLE elsewhere RENAME TO identities")
    assert await drainer.drain(database) == 1
    assert drainer._heartbeat._busy_since is None


async def test_rows_that_several_killed_processes_noted_are_suspects_and_no_more(
    database_url: str, database: Connection
) -> None:
    """A process notes rows before it gets them, so that several may have noted one that none of them tried alone."""
    await accept(database, [item(await workspace_id(database), {"email": "a@example.com"})])
    [(row_id,)] = await rows(database, "SELECT id FROM journal")
    names = [f"w{n}" for n in range(6)]
    for name in names:
        await (await live(database, database_url, name)).note_rows(database, [row_id])
    successors = [await live(database, database_url, name) for name in names]
    assert await rows(database, "SELECT attempts FROM journal") == [(2,)]
    assert await successors[0].note_trial(database, row_id)
    await live(database, database_url, names[0])
    assert await rows(database, "SELECT attempts FROM journal") == [(3,)]


async def test_one_suspect_is_tried_at_a_time(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    for n in range(2):
        await accept(database, [item(workspace, {"email": f"{n}@example.com"})])
    (first,), (second,) = await rows(database, "UPDATE journal SET attempts = 2 RETURNING id")
    one, other = await live(database, database_url, "w1"), await live(database, database_url, "w2")
    assert await one.note_trial(database, first)
    assert not await other.note_trial(database, second)
    await database.execute("DELETE FROM journal WHERE id = %s", (first,))
    assert await other.note_trial(database, second)


@pytest.mark.parametrize(("minutes", "careful"), [(0.1, False), (1, True), (9, True), (11, False)])
async def test_stale_worker_counts_as_dead(
    database_url: str, database: Connection, minutes: float, careful: bool
) -> None:
    await database.execute(STALE, (minutes,))
    heartbeat = await live(database, database_url, "w1")
    assert await is_careful(database, heartbeat) is careful
    await heartbeat.stop(database)
