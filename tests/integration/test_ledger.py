"""The ledger is told while the spool takes more all the time, and what waits is measured while the spool is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis.asyncio as redis
from prometheus_client import Gauge

from embedded.servers import run_program
from embedded.valkey import EmbeddedValkey
from services.workers.ledger.ledger_gauges import update_gauges, update_spool_gauges
from shared.accounting import ledger
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool
from shared.platform.data_dir import DataDir
from shared.platform.db.connections import Connection, with_deadline
from shared.platform.observability.metrics import (
    LEDGER_SUBMISSIONS,
    OLDEST_WAITING_SECONDS,
    PENDING_SUBMISSIONS,
    SPOOLED_SUBMISSIONS,
)
from tests.support.ingesting import accept, item, workspace_id
from tests.support.serving import NOWHERE

pytestmark = pytest.mark.integration

ROW = NewJournalRow.from_items(
    Lane.PROMPT, [JournalItem("0199d3f4-6a70-7cc3-98c4-dc0c0c07398f", 0, 1, "inbound", None, b"{}")], "nobody"
)


@pytest_asyncio.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    home = DataDir(tmp_path)
    home.create_folders()
    server = EmbeddedValkey(home, "spool", durable=False)
    with run_program(server.child_program()):
        async with redis.from_url(server.redis_url) as client:
            yield Spool(client)


async def test_the_ledger_is_told_while_the_spool_takes_more_all_the_time(database: Connection, spool: Spool) -> None:
    async def take() -> None:
        while not has_enough.is_set():  # a client of Redis may pass over that it is cancelled
            await spool.append_row(ROW)

    has_enough = asyncio.Event()
    await spool.append_row(ROW)
    takers = [asyncio.create_task(take()) for _ in range(4)]
    try:
        assert (await with_deadline(5, ledger.read_ledger(database, spool)))["spooled"] > 0
        assert (await with_deadline(5, ledger.read_workspace_ledger(database, spool, 1)))["oldest_waiting_s"] > 0
    finally:
        has_enough.set()
        await asyncio.gather(*takers)  # or the end of the spool is told of them, in the midst of another test


async def test_a_submission_of_both_stores_is_counted_once(database: Connection, spool: Spool) -> None:
    """And by its workspace, and one that two entries of the spool hold; until it has left the spool."""
    workspace = await workspace_id(database)
    both, lost, *others = [item(workspace, {"email": f"person{n}@example.com"}) for n in range(5)]
    await accept(database, [both])
    for one in others:
        await spool.append_row(NewJournalRow.from_items(Lane.PROMPT, [one], "nobody"))
    for items in ([both, lost], [both], [lost]):
        await spool.append_row(NewJournalRow.from_items(Lane.WAITED_FOR, items, "nobody"), is_repeat=True)
    whole = await ledger.read_ledger(database, spool)
    assert (whole["pending"], whole["spooled"]) == (1, 1 + len(others))
    assert (whole["accepted"], ledger.count_unaccounted(whole)) == (2 + len(others), 0)
    theirs = await ledger.read_workspace_ledger(database, spool, workspace)
    assert [theirs[name] for name in ledger.LEDGER_STATES] == [whole[name] for name in ledger.LEDGER_STATES]
    await update_gauges(database, spool)
    assert LEDGER_SUBMISSIONS.labels("accepted")._value.get() == whole["accepted"]
    assert (await ledger.read_workspace_ledger(database, spool, workspace + 1))["spooled"] == 0
    while await spool.drain_chunk(database):
        pass
    assert await spool.read_repeats() == []


async def test_journal_backlog_is_measured_while_the_spool_is_down(database: Connection) -> None:
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    PENDING_SUBMISSIONS.set(0)
    OLDEST_WAITING_SECONDS.set(0)
    async with redis.from_url(NOWHERE) as client:
        await update_gauges(database, Spool(client))
    assert [metric.samples[0].value for metric in PENDING_SUBMISSIONS.collect()] == [1]
    assert [metric.samples[0].value > 0 for metric in OLDEST_WAITING_SECONDS.collect()] == [True]


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
    SPOOLED_SUBMISSIONS.set(0)
    await spool.append_row(ROW)
    known = await update_gauges(database, spool)
    await update_spool_gauges(spool, known)
    assert gauge(SPOOLED_SUBMISSIONS) == 1
    assert 100 <= gauge(OLDEST_WAITING_SECONDS) < 130
    await update_spool_gauges(spool, 0.0)
    assert 0 < gauge(OLDEST_WAITING_SECONDS) < 30
