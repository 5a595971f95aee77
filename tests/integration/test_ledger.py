"""The ledger is told while the spool takes more all the time, and what waits is measured while the spool is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis.asyncio as redis
from prometheus_client import Gauge

from services.workers.upkeep import measure, measure_spool
from shared import ledger
from shared.db import Connection, within
from shared.embedded.datadir import DataDir
from shared.embedded.servers import running
from shared.embedded.valkey import Valkey
from shared.journal import Item, Lane, Row
from shared.metrics import OLDEST, PENDING, SPOOLED
from shared.spool import Spool
from tests.support.ingesting import accept, item, workspace_id
from tests.support.serving import NOWHERE

pytestmark = pytest.mark.integration

ROW = Row.of(Lane.PROMPT, [Item("0199d3f4-6a70-7cc3-98c4-dc0c0c07398f", 0, 1, "inbound", None, b"{}")], "nobody")


@pytest_asyncio.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    home = DataDir(tmp_path)
    home.make()
    server = Valkey(home, "spool", durable=False)
    with running(server.program()):
        async with redis.from_url(server.redis_url) as client:
            yield Spool(client)


async def test_the_ledger_is_told_while_the_spool_takes_more_all_the_time(database: Connection, spool: Spool) -> None:
    async def take() -> None:
        while not has_enough.is_set():  # a client of Redis may pass over that it is cancelled
            await spool.append(ROW)

    has_enough = asyncio.Event()
    takers = [asyncio.create_task(take()) for _ in range(4)]
    try:
        assert (await within(5, ledger.read(database, spool)))["spooled"] > 0
        assert (await within(5, ledger.read_of(database, spool, 1)))["oldest_waiting_s"] > 0
    finally:
        has_enough.set()
        await asyncio.gather(*takers)  # or the end of the spool is told of them, in the midst of another test


async def test_what_waits_in_the_journal_is_measured_while_the_spool_is_away(database: Connection) -> None:
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    PENDING.set(0)
    OLDEST.set(0)
    async with redis.from_url(NOWHERE) as client:
        await measure(database, Spool(client))
    assert [metric.samples[0].value for metric in PENDING.collect()] == [1]
    assert [metric.samples[0].value > 0 for metric in OLDEST.collect()] == [True]


OLD = "UPDATE journal SET stored_at = now() - interval '100 s'"


def gauge(one: Gauge) -> float:
    (metric,) = one.collect()
    return float(metric.samples[0].value)


async def test_the_spool_is_measured_beside_what_waits_longer_in_the_journal(
    database: Connection, spool: Spool
) -> None:
    """As where PostgreSQL was away for a moment, and workers for longer."""
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    await database.execute(OLD)
    SPOOLED.set(0)
    await spool.append(ROW)
    known = await measure(database, spool)
    await measure_spool(spool, known)
    assert gauge(SPOOLED) == 1
    assert 100 <= gauge(OLDEST) < 130
    await measure_spool(spool, 0.0)
    assert 0 < gauge(OLDEST) < 30
