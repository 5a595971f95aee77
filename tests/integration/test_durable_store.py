"""The two stores and the breaker between them: what is refused, and when it no longer is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.gateway.durable_store import DurableStore
from services.gateway.journal_writer import JournalWriter
from services.gateway.recent_rows import RecentRows
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool, open_spool_client
from shared.platform.db.connections import Connection, make_pool
from shared.platform.errors import ServiceUnavailable
from shared.platform.ids import now_ms, uuid7
from tests.support.ingesting import workspace_id
from tests.support.serving import NOWHERE, taking_no_writes
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


@asynccontextmanager
async def stores(database_url: str, spool_url: str) -> AsyncIterator[DurableStore]:
    appenders = JournalWriter(database_url)
    async with make_pool(database_url, "tests", size=1) as pool, open_spool_client(spool_url) as client:
        yield DurableStore(pool, appenders, Spool(client), 1.0, RecentRows(10.0))
    appenders.close()


async def is_taken(found: DurableStore, workspace: int) -> bool:
    at = now_ms()
    item = JournalItem(uuid7(at), at, workspace, "inbound", None, b'{"email": "a@example.com"}')
    try:
        await found.store_row(NewJournalRow.from_items(Lane.PROMPT, [item], "nobody"))
    except ServiceUnavailable:
        return False
    return True


async def test_before_a_refusal_the_journal_is_asked_whatever_it_said_last(
    database_url: str, database: Connection
) -> None:
    """Nobody watches here whether it is back."""
    workspace = await workspace_id(database)
    async with stores(database_url, NOWHERE) as found:

        async def is_refused() -> bool:
            return not await is_taken(found, workspace)

        async with taking_no_writes(database):
            await until_async(is_refused, what="a refusal")
        assert not found.is_journal_available
        await until_async(lambda: is_taken(found, workspace), what="a row that is taken")
        assert found.is_journal_available


async def test_a_spool_that_says_nothing_takes_nothing() -> None:
    """And keeps nobody waiting for ever."""

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    host, port = silent.sockets[0].getsockname()
    async with stores("postgresql://127.0.0.1:1/none", f"redis://{host}:{port}") as found, asyncio.timeout(60):
        assert not await is_taken(found, 1)
        assert not await found.can_store()
    silent.close()
