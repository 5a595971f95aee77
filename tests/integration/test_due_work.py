"""The statement that asks for the work of all of the sweeper's duties, and the waits for its answers."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from services.workers import due_work as due_work_module
from services.workers.due_work import DUE_WORK_SQL, USE_INDEXES_SQL, WORK_KINDS, DueWork
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import accept, item, worker, workspace_id
from tests.support.leads import rows
from tests.support.waiting import DEADLINE_SECONDS, until_async

pytestmark = pytest.mark.integration

HANG_SECONDS = 3.0
SOON_SECONDS = 30.0  # on a busy machine; a rest as many times as long as the hang would take a minute
WATCH_STATE_SQL = """
SELECT state, wait_event_type FROM pg_stat_activity
WHERE application_name = 'tests sweeper' AND datname = current_database()
"""
LAST_LOOK_SQL = """
SELECT extract(epoch FROM query_start)::float8 FROM pg_stat_activity WHERE application_name = 'tests sweeper'
"""


@pytest.fixture
def soon_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch counts as idle as soon as nothing waits."""
    monkeypatch.setattr(due_work_module, "IDLE_AFTER_SECONDS", 0.0)


@pytest_asyncio.fixture
async def due_work(database_url: str) -> AsyncIterator[DueWork]:
    """A watch of the database."""
    stopping = asyncio.Event()
    watched = DueWork(stopping)
    async with connect(database_url, "tests sweeper") as connection:
        watching = asyncio.create_task(watched.watch(connection))
        yield watched
        stopping.set()
        await asyncio.wait_for(watching, DEADLINE_SECONDS)


async def is_due(due_work: DueWork, kind: str) -> bool:
    """Whether work of that kind waits, now or within a deadline."""
    await due_work.wait({kind}, DEADLINE_SECONDS)
    return kind in due_work.kinds


async def until_nothing_is_due(due_work: DueWork) -> None:
    await until_async(lambda: not due_work.kinds, what="an answer that nothing waits")


async def test_every_kind_is_due_before_the_first_answer(due_work: DueWork) -> None:
    for kind in WORK_KINDS:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await due_work.wait({kind}, 1000)


async def test_a_lead_wakes_the_duties_that_follow_it(
    due_work: DueWork, database_url: str, database: Connection
) -> None:
    await until_nothing_is_due(due_work)
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    assert await is_due(due_work, "journal")
    await worker(database_url, "w1").drain(database)
    for kind in ("automations", "counters", "lead_counts", "search_texts"):
        assert await is_due(due_work, kind), kind


@pytest.mark.usefixtures("soon_idle")
async def test_an_idle_watch_asks_less_often_and_sees_what_comes(due_work: DueWork, database: Connection) -> None:
    await until_nothing_is_due(due_work)
    looks: list[float] = []

    async def has_looked_often() -> bool:
        ((at,),) = await rows(database, LAST_LOOK_SQL)
        if at not in looks:
            looks.append(at)
        return len(looks) == 6

    await until_async(has_looked_often)
    gaps = [later - earlier for earlier, later in pairwise(looks[1:])]  # the first one may have been a busy watch's
    assert min(gaps) > 2 * due_work_module.CHECK_SECONDS
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    assert await is_due(due_work, "journal")


async def test_due_times_count(due_work: DueWork, database: Connection) -> None:
    await until_nothing_is_due(due_work)
    workspace = await workspace_id(database)
    await database.execute(
        "INSERT INTO jobs (workspace_id, kind, filter, created_by, due_at)"
        " VALUES (%s, 'replay', '{}', '{}', now() + interval '2 s')",
        (workspace,),
    )
    await asyncio.wait_for(due_work.wait({"jobs"}, 1000), DEADLINE_SECONDS)
    assert await rows(database, "SELECT 1 FROM jobs WHERE due_at > clock_timestamp()") == []


async def test_a_wait_ends_when_the_sweeper_stops(database: Connection, database_url: str) -> None:
    stopping = asyncio.Event()
    watched = DueWork(stopping)
    async with connect(database_url, "tests sweeper") as connection:
        watching = asyncio.create_task(watched.watch(connection))
        await until_nothing_is_due(watched)
        waits = [asyncio.create_task(watched.wait({kind}, 1000)) for kind in WORK_KINDS]
        await asyncio.sleep(0)  # they wait
        stopping.set()
        await asyncio.wait_for(asyncio.gather(watching, *waits), DEADLINE_SECONDS)


async def test_a_wait_ends_with_its_time(due_work: DueWork) -> None:
    await until_nothing_is_due(due_work)
    await asyncio.wait_for(due_work.wait({"journal"}, 0.1), DEADLINE_SECONDS)
    assert not due_work.kinds


async def test_a_server_that_hung_is_soon_asked_again(
    due_work: DueWork, database: Connection, database_url: str
) -> None:
    async def is_state(*expected: str | None) -> bool:
        return await rows(database, WATCH_STATE_SQL) == [expected]

    await until_nothing_is_due(due_work)
    async with connect(database_url, "tests") as other, other.transaction():
        await other.execute("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE")
        await until_async(lambda: is_state("active", "Lock"), what="a statement that waits")
        await asyncio.sleep(HANG_SECONDS)
    await until_async(lambda: is_state("idle", "Client"), what="the statement's end")
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    await due_work.wait({"journal"}, SOON_SECONDS)
    assert "journal" in due_work.kinds


async def test_no_table_is_read_whole(database: Connection) -> None:
    await database.execute(USE_INDEXES_SQL)
    plan = "\n".join(line for (line,) in await (await database.execute(f"EXPLAIN {DUE_WORK_SQL}")).fetchall())
    assert plan.count("Index") >= len(WORK_KINDS)
    assert "Seq Scan" not in plan
