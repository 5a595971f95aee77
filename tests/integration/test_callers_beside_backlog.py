"""Callers who wait for a verdict come first, also those who come while a worker drains what nobody waits for."""

import itertools

import pytest

from services.workers.heartbeat import Heartbeat
from services.workers.ingest.drain import MAX_LEADS_BESIDE_CALLERS, JournalDrainer
from shared.db.connections import Connection
from shared.intake.journal import JournalItem, Lane
from tests.support.automating import action, save
from tests.support.ingesting import accept, item, read_test_key, worker, workspace_id

pytestmark = pytest.mark.integration

WAITING_BY_LANE_SQL = "SELECT lane, sum(n)::int FROM journal GROUP BY lane ORDER BY lane"


def people(workspace: int, name: str, count: int) -> list[JournalItem]:
    return [item(workspace, {"email": f"{name}-{number}@example.com"}) for number in range(count)]


async def waiting_by_lane(database: Connection) -> dict[int, int]:
    rows = await (await database.execute(WAITING_BY_LANE_SQL)).fetchall()
    return {row[0]: row[1] for row in rows}


async def test_caller_who_comes_during_a_backlog_is_next(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    workspace = await workspace_id(database)
    for number in range(4):
        await accept(database, people(workspace, f"import{number}", 400))

    async def let_somebody_come(connection: Connection) -> None:
        await accept(connection, people(workspace, "form", 1), Lane.WAITED_FOR)

    looks = itertools.count(1)  # before each batch
    heartbeat = Heartbeat("worker", "w", database_url)
    heartbeat.notes_rows = False
    drainer = JournalDrainer(
        heartbeat, lambda: None, lambda: next(looks) > 2, read_key=read_test_key, automate=let_somebody_come
    )
    assert await drainer.drain(database) == 401, "a batch of the backlog, then the form"
    assert await waiting_by_lane(database) == {Lane.PROMPT: 1200}


async def test_backlog_is_taken_in_small_batches_beside_callers(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    drainer = worker(database_url, "w")
    await accept(database, people(workspace, "form", 1), Lane.WAITED_FOR)
    assert await drainer.drain(database) == 1
    for number in range(10):
        await accept(database, people(workspace, f"source{number}", 20))
    looks = itertools.count(1)
    drainer._stopping = lambda: next(looks) > 1
    assert await drainer.drain(database) <= MAX_LEADS_BESIDE_CALLERS
    drainer._stopping = lambda: False
    await drainer.drain(database)
    assert await waiting_by_lane(database) == {}, "all of it is taken in the end"
