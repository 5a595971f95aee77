"""What became of submissions that were stored without waiting for the disk: found, or stored again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis.asyncio as redis

from services.gateway.durable_store import DurableStore
from services.gateway.journal_writer import JournalWriter
from services.gateway.recent_rows import RecentRows
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection, make_pool
from shared.platform.ids import now_ms, uuid7
from tests.support.ingesting import accept, drain, workspace_id

pytestmark = pytest.mark.integration

HELD = "SELECT j.lane, held.id::text FROM journal j, unnest(j.ids) AS held(id)"


@pytest_asyncio.fixture
async def stores(database_url: str) -> AsyncIterator[DurableStore]:
    """Stores with a spool that nobody can reach."""
    appenders = JournalWriter(database_url)
    async with make_pool(database_url, "tests", size=1) as pool:
        yield DurableStore(pool, appenders, Spool(redis.from_url("redis://127.0.0.1:1")), 1.0, RecentRows(10.0))
    appenders.close()


def sent(workspace: int) -> JournalItem:
    at = now_ms()
    return JournalItem(uuid7(at), at, workspace, "inbound", None, b'{"email": "a@example.com"}')


async def test_only_what_is_neither_waiting_nor_ingested_is_stored_again(
    database_url: str, database: Connection, stores: DurableStore
) -> None:
    workspace = await workspace_id(database)
    ingested, waiting, lost = ([sent(workspace) for _ in range(3)] for _ in range(3))
    await accept(database, ingested)
    await drain(database_url)
    assert await stores.store_row(NewJournalRow.from_items(Lane.BULK, waiting, "nobody"), durable=False) == "journal"
    await stores.ensure_durable([lost[0], *ingested, *lost[1:], *waiting], "nobody")
    held = await (await database.execute(HELD)).fetchall()
    wanted = [(Lane.WAITED_FOR, item.id) for item in lost] + [(Lane.BULK, item.id) for item in waiting]
    assert sorted(held) == sorted(wanted)


async def test_more_than_a_row_may_hold_become_several_rows(database: Connection, stores: DurableStore) -> None:
    workspace = await workspace_id(database)
    lost = [sent(workspace) for _ in range(1_001)]
    await stores.ensure_durable(lost, "nobody")
    rows = await (await database.execute("SELECT n FROM journal ORDER BY id")).fetchall()
    assert rows == [(500,), (500,), (1,)]
