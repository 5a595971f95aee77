"""Several workers beside a synchronous standby that answers late: their commits wait for it at the same time.

A notification inside a transaction would take a lock of the whole database until the standby has answered.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli.schema import upgrade_database
from services.api.event_reads import begin_feed
from services.workers.ingest.batch import WorkerState, ingest_rows, select_rows
from services.workers.libpq_pipeline import open_blocking_connection
from shared.intake.journal import Lane, NewJournalRow, append_row
from shared.intake.verdicts import decode_replies
from shared.outbound.event_feed import announce_news, record_events
from shared.platform.db.connections import Connection, connect
from shared.workspaces import create_workspace
from tests.support.distant_standby import at_a_distance
from tests.support.feeds import event_of
from tests.support.ingesting import item, read_test_key
from tests.support.standby import primary_and_standby
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

ROUND_TRIP_SECONDS = 0.01
WORKERS, BATCHES = 3, 40
CHANNEL = "replies_of_this_test"
WAITS_SQL = "SELECT wait_event FROM pg_stat_activity WHERE application_name LIKE 'tests worker%' AND state = 'active'"

Work = Callable[[Connection], Awaitable[None]]


@pytest.fixture(scope="module")
def distant_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database whose commits wait for a standby."""
    folder: Path = tmp_path_factory.mktemp("distant")
    with primary_and_standby(folder) as (primary, standby):
        upgrade_database(primary.url)
        with at_a_distance(primary, standby, ROUND_TRIP_SECONDS):
            yield primary.url


@pytest_asyncio.fixture
async def primary(distant_url: str) -> AsyncIterator[Connection]:
    async with connect(distant_url, "tests") as connection:
        yield connection


@pytest.mark.extended
async def test_batches_of_workers_wait_for_the_standby_together(distant_url: str, primary: Connection) -> None:
    workspace = await create_workspace(primary, "main", "Main")
    ids = await accept_one_by_one(primary, workspace, WORKERS * BATCHES)
    heard: list[int] = []

    def work_of(worker: int) -> Work:
        async def ingest(connection: Connection) -> None:
            state = WorkerState(read_test_key)
            for id_ in ids[worker::WORKERS]:
                await ingest_rows(connection, select_rows(Lane.WAITED_FOR, [id_]), state)

        return ingest

    async with connect(distant_url, "tests listener") as listener:
        listener.add_notify_handler(lambda notice: heard.extend(n for n, _ in decode_replies(notice.payload)))
        await listener.execute(f"LISTEN {CHANNEL}")
        waits = await waits_of_workers(primary, distant_url, [work_of(worker) for worker in range(WORKERS)])

        async def have_heard_all() -> bool:
            await listener.execute("SELECT 1")
            return len(heard) == len(ids)

        await until_async(have_heard_all, what="all verdicts")
    assert sorted(heard) == list(range(1, len(ids) + 1))
    assert_waits_are_shared(waits)


@pytest.mark.extended
async def test_feeds_of_workspaces_wait_for_the_standby_together(distant_url: str, primary: Connection) -> None:
    workspaces = [await create_workspace(primary, f"w{n}", f"W{n}") for n in range(WORKERS)]
    for workspace in workspaces:
        await begin_feed(primary, workspace)

    def work_of(workspace: int) -> Work:
        async def record(connection: Connection) -> None:
            for number in range(BATCHES):
                async with connection.transaction():
                    news = await record_events(connection, [event_of(workspace, 1, number)])
                await announce_news(connection, news)

        return record

    assert_waits_are_shared(await waits_of_workers(primary, distant_url, [work_of(one) for one in workspaces]))


def assert_waits_are_shared(waits: Counter[str]) -> None:
    """Nearly all waits are for the standby. Two notifications may meet for a moment, of microseconds."""
    assert waits["SyncRep"] > WORKERS * BATCHES / 4, waits
    assert waits["object"] <= waits["SyncRep"] / 50, waits


async def accept_one_by_one(connection: Connection, workspace: int, n: int) -> list[int]:
    """The ids of so many journal rows, each of one lead whose caller waits on this test's channel."""
    async with connection.transaction():
        for number in range(1, n + 1):
            lead = item(workspace, {"email": f"p{number}@example.com"})
            lead.reply = number
            await append_row(connection, NewJournalRow.from_items(Lane.WAITED_FOR, [lead], CHANNEL))
    rows = await (await connection.execute("SELECT id FROM journal ORDER BY id")).fetchall()
    return [id_ for (id_,) in rows]


async def waits_of_workers(primary: Connection, url: str, works: list[Work]) -> Counter[str]:
    """What the sessions of workers, each in a thread of its own, are seen to wait for while they work."""

    async def be_worker(number: int, work: Work) -> None:
        connection = await open_blocking_connection(url, f"tests worker {number}")
        await work(connection)
        await connection.close()

    waits: Counter[str] = Counter()
    working = asyncio.gather(
        *[asyncio.to_thread(asyncio.run, be_worker(number, work)) for number, work in enumerate(works)]
    )
    while not working.done():
        waits.update(str(event) for (event,) in await (await primary.execute(WAITS_SQL)).fetchall())
        await asyncio.sleep(0.001)
    await working
    return waits
