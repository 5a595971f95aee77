"""Paused lanes, the history and the overview, on a running LeadHub."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import redis.asyncio as redis

from shared.intake.spool import Spool
from shared.operations.lane_names import LANE_NAMES, WHOLE_INSTALLATION, LaneName
from shared.operations.lane_pauses import LaneActor, pause_lane, read_pauses, resume_lane
from shared.operations.overview import OverviewReader
from shared.operations.overview_verdict import judge_overview
from shared.platform.db.connections import Connection, connect
from tests.support.stack import Stack
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.e2e

OTHER_WORKSPACE_ID = 999_999
OPERATOR = LaneActor("operator", 1, "Ingrid")
LEDGER_SQL = """
SELECT coalesce(json_object_agg(state, n), '{}') FROM (
    SELECT state, sum(n) AS n FROM (SELECT state, n FROM ledger UNION ALL SELECT state, n FROM ledger_deltas) c
    GROUP BY state) sums
"""
HISTORY_SQL = "SELECT sum(accepted), sum(done), sum(dead), sum(quarantined), sum(duplicates) FROM minute_statistics"
JOURNAL_SQL = "SELECT coalesce(sum(n), 0)::int FROM journal WHERE lane = 1"
DECIDED_SQL = "SELECT count(*) FROM submissions WHERE source = 'held'"
HISTOGRAMS_SQL = """
SELECT (SELECT coalesce(sum(n), 0)::int FROM minute_statistics, unnest(verdict_ms) n),
       (SELECT coalesce(sum(received), 0)::int FROM source_statistics),
       (SELECT coalesce(sum(out), 0)::int FROM lane_statistics WHERE lane IN ('waited_for', 'prompt', 'bulk')),
       (SELECT count(DISTINCT lane)::int FROM lane_statistics WHERE workspace_id = 0 AND sampled_at IS NOT NULL)
"""


async def only(connection: Connection, query: str) -> Any:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


async def post(session: aiohttp.ClientSession, stack: Stack, number: int, prefer: str, source: str) -> int:
    body = {"email": f"{source}{number}@example.com", "source": source}
    async with session.post(stack.inbound, json=body, headers={"Prefer": prefer}) as answer:
        await answer.read()
        return answer.status


async def holds(connection: Connection) -> bool:
    """Whether all processes acknowledge all pauses."""
    found = await read_pauses(connection, WHOLE_INSTALLATION)
    return bool(found) and all(one.acknowledged == one.processes > 0 for one in found)


@asynccontextmanager
async def paused(connection: Connection, lane: LaneName) -> AsyncIterator[None]:
    async with connection.transaction():
        await pause_lane(connection, lane, WHOLE_INSTALLATION, OPERATOR, "the test")
    try:
        await asyncio.wait_for(until_async(lambda: holds(connection), 5, "the pause"), 5)
        yield
    finally:
        async with connection.transaction():
            assert await resume_lane(connection, lane, WHOLE_INSTALLATION, OPERATOR)


async def has_leads(connection: Connection, source: str, count: int) -> bool:
    """Whether the source has so many leads. Fails if there are more."""
    found = await only(connection, f"SELECT count(*) FROM leads WHERE source = '{source}'")
    assert found <= count
    return bool(found == count)


async def test_a_paused_lane_holds_under_load_and_loses_nothing(stack: Stack) -> None:
    async with aiohttp.ClientSession(headers=stack.headers) as session, connect(stack.database_url, "t") as connection:
        posted = 0
        stop = asyncio.Event()

        async def load() -> None:
            nonlocal posted
            while not stop.is_set():
                assert await post(session, stack, posted, "respond-async", "held") == 202
                posted += 1

        loading = asyncio.create_task(load())
        await until_async(lambda: posted > 50, 20, "a load")
        async with paused(connection, "prompt"):
            await asyncio.sleep(1)
            decided, before = await only(connection, DECIDED_SQL), posted
            await until_async(lambda: posted > before + 100, 20, "more of the load")
            assert await post(session, stack, 1, "wait=5", "open") == 201  # another lane goes on
            assert await only(connection, DECIDED_SQL) == decided
            assert await only(connection, JOURNAL_SQL) >= 100
        await until_async(lambda: posted > before + 200, 20, "the load after the pause")
        stop.set()
        await loading
        await until_async(lambda: has_leads(connection, "held", posted), 20, "the end of the backlog")
        assert await only(connection, DECIDED_SQL) == posted
        assert await only(connection, JOURNAL_SQL) == 0


async def test_callers_of_a_paused_lane_get_202_and_their_verdict_later(stack: Stack) -> None:
    async with aiohttp.ClientSession(headers=stack.headers) as session, connect(stack.database_url, "t") as connection:
        async with paused(connection, "waited_for"):
            found = await asyncio.gather(*[post(session, stack, n, "wait=1", "patient") for n in range(20)])
            assert found == [202] * 20
            assert await only(connection, "SELECT count(*) FROM leads WHERE source = 'patient'") == 0
        await until_async(lambda: has_leads(connection, "patient", 20), 20, "the end of the backlog")


async def test_the_sweeper_alone_obeys_a_pause(stack: Stack) -> None:
    async with aiohttp.ClientSession(headers=stack.headers) as session, connect(stack.database_url, "t") as connection:
        async with background(stack.away("worker", "broker")):
            assert await post(session, stack, 0, "respond-async", "swept") == 202
            await until_async(lambda: has_leads(connection, "swept", 1), 20, "the sweeper's ingest")
            await connection.execute("DELETE FROM processes WHERE kind = 'worker'")
            async with paused(connection, "prompt"):
                for number in range(1, 21):
                    assert await post(session, stack, number, "respond-async", "swept") == 202
                await asyncio.sleep(1)
                assert await only(connection, JOURNAL_SQL) == 20
            await until_async(lambda: has_leads(connection, "swept", 21), 20, "the sweeper's ingest")
        await asyncio.to_thread(stack.until_settled)


async def test_the_history_adds_up_with_the_ledger(stack: Stack) -> None:
    async with aiohttp.ClientSession(headers=stack.headers) as session, connect(stack.database_url, "t") as connection:
        before, figures = await only(connection, HISTORY_SQL), await only(connection, HISTOGRAMS_SQL)
        statuses = await asyncio.gather(*[post(session, stack, n // 2, "wait=5", "twice") for n in range(100)])
        assert set(statuses) == {201}

        async def adds_up() -> bool:
            ledger = await only(connection, LEDGER_SQL)
            counts = tuple(ledger.get(state, 0) for state in ("accepted", "done", "dead", "quarantined"))
            history = await only(connection, HISTORY_SQL)
            return bool(history[:4] == counts and history[4] >= (before[4] or 0) + 50)

        await until_async(adds_up, 10, "a history as the ledger")

        async def is_flushed() -> bool:
            decided, received, out, lanes = await only(connection, HISTOGRAMS_SQL)
            grown = (decided - figures[0], received - figures[1], out - figures[2])
            return bool(min(grown) >= 100 and lanes == 5)

        await until_async(is_flushed, 10, "the workers' figures")
        url = f"{stack.base}/api/v1/operations"
        async with session.get(f"{url}/history?minutes=60") as answer:
            points = (await answer.json())["data"]["points"]
        assert len(points) == 60
        assert sum(point["done"] for point in points) >= 100
        assert any(point["verdict_ms"]["p99"] for point in points)

        async def knows_memory() -> bool:
            async with session.get(url) as answer:
                workers = (await answer.json())["data"]["workers"]
            return any((one["memory_bytes"] or 0) > 1 << 20 for one in workers)

        await until_async(knows_memory, 10, "a heartbeat with the memory")
        async with session.get(url) as answer:
            lanes = (await answer.json())["data"]["lanes"]
        assert {lane["name"] for lane in lanes} == set(LANE_NAMES)


async def test_the_overview_answers_without_postgresql(stack: Stack) -> None:
    spool = redis.from_url(stack.spool_url)
    reader = OverviewReader(lambda: connect(stack.database_url, "t"), Spool(spool), data_dir=stack.folder)
    async with aiohttp.ClientSession(headers=stack.headers) as session:
        assert await post(session, stack, 0, "wait=5", "overviewed") == 201

    async def has_source() -> bool:
        return "overviewed" in {source.source for source in (await reader.read_overview()).sources or ()}

    await until_async(has_source, 20, "the source's figures")
    whole = await reader.read_overview()
    assert whole.ledger is not None
    assert (whole.ledger.unaccounted, whole.ledger.age_s, whole.stores.spool_state) == (0, 0.0, "empty")
    assert whole.ledger.done
    assert whole.workers
    assert "database_away" not in {concern.code for concern in judge_overview(whole)}
    async with aiohttp.ClientSession(headers=stack.headers) as session, background(stack.away("postgres")):
        assert await post(session, stack, 0, "respond-async", "spooled") == 202
        without = await reader.read_overview()
        assert without.ledger is not None
        assert (without.ledger.done, without.lanes, without.workers) == (whole.ledger.done, [], None)
        assert without.ledger.age_s > 0
        assert (without.stores.database_ms, without.stores.spooled) == (None, 1)
        assert {"database_away", "spooling"} <= {concern.code for concern in judge_overview(without)}
        of_another = (await reader.read_overview(OTHER_WORKSPACE_ID)).stores
        assert (of_another.spooled, of_another.spool_state) == (0, "empty")
    await spool.aclose()
    await asyncio.to_thread(stack.until_settled)
