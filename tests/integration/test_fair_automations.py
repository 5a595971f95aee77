"""Whatever one workspace has waiting, the others' turn comes."""

import asyncio
from collections.abc import Callable

import pytest

from services.workers.automations import inactivity_timers, runs
from services.workers.outbox import event_claims
from services.workers.outbox.workspace_fairness import WorkspaceCursor
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from services.workers.sweeper import overdue_work
from services.workers.sweeper.sweeper_fallback import SweeperFallback
from shared.platform.db.connections import Connection, connect
from tests.support.automating import SETTINGS, action, leads, rows, save
from tests.support.sweeping import take_turns
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

OTHERS = """
WITH made AS (INSERT INTO workspaces (slug, name) SELECT 'w' || n, 'W' FROM generate_series(1, %s) n RETURNING id)
INSERT INTO automations (workspace_id, name, trigger, trigger_type)
SELECT id, 'any', '{"type": "lead_created"}', 'lead_created' FROM made RETURNING workspace_id
"""
EVENTS = """
WITH made AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT %s, n, 'lead.created', '{}' FROM generate_series(1, %s) n RETURNING workspace_id, lead_id, id, type)
INSERT INTO events (workspace_id, lead_id, activity_id, type) SELECT * FROM made
"""
RUNS = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
SELECT %s, 1, 'manual:' || n, n, 'waiting', now() - interval '1 min' FROM generate_series(1, %s) n
"""
SILENCES = """
INSERT INTO inactivity_timers (workspace_id, automation_id, lead_id, activity_id, due_at)
SELECT %s, 1, n, n, now() - interval '1 min' FROM generate_series(1, %s) n
"""


async def _others(connection: Connection, n: int) -> list[int]:
    """Workspaces in which somebody waits for events."""
    return sorted(row["workspace_id"] for row in await rows(connection, OTHERS, (n,)))


def _fallback(send_hint: Callable[[], object], stopping: asyncio.Event) -> SweeperFallback:
    knowledge = PauseWatch(), WorkStatistics()
    return overdue_work.automation_fallback(SETTINGS, send_hint, lambda: None, lambda: False, stopping, *knowledge)


async def test_events_of_one_workspace_are_in_no_others_way(database: Connection) -> None:
    large, small, third = await _others(database, 3)
    for workspace, n in ((large, 5000), (third, 300), (small, 1)):
        await database.execute(EVENTS, (workspace, n))
    batch = await event_claims.claim_events(database)
    taken = [sum(event.workspace_id == one for event in batch) for one in (large, small, third)]
    assert taken[1] == 1
    assert len(batch) == event_claims.EVENTS_PER_BATCH
    assert abs(taken[0] - taken[2]) <= 1
    for one in (large, third):
        ids = [event.lead_id for event in batch if event.workspace_id == one]
        assert ids == list(range(1, len(ids) + 1))


async def test_two_engines_take_different_events_of_one_workspace(database_url: str, database: Connection) -> None:
    (large,) = await _others(database, 1)
    await database.execute(EVENTS, (large, 1000))
    async with connect(database_url, "tests one") as one, one.transaction():
        first = await event_claims.claim_events(one)
        async with connect(database_url, "tests two") as two, two.transaction():
            second = await event_claims.claim_events(two)
    assert [event.lead_id for event in first + second] == list(range(1, 201))


async def test_workspaces_beyond_a_batch_are_served_in_later_batches(database: Connection) -> None:
    others = await _others(database, 25)
    for one in others:
        await database.execute(EVENTS, (one, 20))
    round_ = WorkspaceCursor()
    seen: list[int] = []
    for _ in range(3):
        batch = await event_claims.claim_events(database, 10, round_)
        round_.advance()
        seen += sorted({event.workspace_id for event in batch})
    assert seen == others


async def test_a_batch_that_failed_is_begun_where_it_was(database: Connection) -> None:
    """Or what ends every batch would never be alone in one."""
    for one in await _others(database, 5):
        await database.execute(EVENTS, (one, 1))
    round_ = WorkspaceCursor()
    async with database.transaction(force_rollback=True):
        first = await event_claims.claim_events(database, 2, round_)
    assert [event.id for event in await event_claims.claim_events(database, 1, round_)] == [first[0].id]


async def test_workspace_cursor_wraps_around_at_the_end(database: Connection) -> None:
    first, second = await _others(database, 2)
    for one in (first, second):
        await database.execute(EVENTS, (one, 1))
    round_ = WorkspaceCursor()
    assert len(await event_claims.claim_events(database, 2, round_)) == 2
    round_.advance()
    await database.execute(EVENTS, (first, 1))
    assert [event.workspace_id for event in await event_claims.claim_events(database, 2, round_)] == [first]


async def test_runs_of_one_workspace_are_in_no_others_way(database: Connection) -> None:
    large, small = await _others(database, 2)
    for workspace, n in ((large, 5000), (small, 1)):
        await database.execute(RUNS, (workspace, n))
    due = await runs.take_due_runs(database)
    assert [run.workspace_id for run in due].count(small) == 1
    assert len(due) == runs.RUNS_PER_BATCH


async def test_runs_that_are_not_due_have_no_turn(database: Connection) -> None:
    late, large, small = await _others(database, 3)
    for workspace, n in ((late, 1), (large, 5000), (small, 1)):
        await database.execute(RUNS, (workspace, n))
    await database.execute(
        "UPDATE automation_runs SET due_at = now() + interval '1 h' WHERE workspace_id = %s", (late,)
    )
    round_ = WorkspaceCursor()
    seen = []
    for _ in range(2):
        seen += [run.workspace_id for run in await runs.take_due_runs(database, 1, round_)]
        round_.advance()
    assert seen == [large, small]


async def test_silences_of_one_workspace_are_in_no_others_way(database: Connection) -> None:
    large, small = await _others(database, 2)
    for workspace, n in ((large, 5000), (small, 1)):
        await database.execute(SILENCES, (workspace, n))
    await inactivity_timers.fire_due_timers(database)
    assert await rows(database, "SELECT 1 FROM inactivity_timers WHERE workspace_id = %s", (small,)) == []


async def test_workers_are_told_of_what_has_waited_long(database_url: str, database: Connection) -> None:
    """The sweeper acts on it, and so do they."""
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    await leads(database_url, database, {"email": "a@example.com"})
    await database.execute("UPDATE events SET occurred_at = now() - interval '1 min'")
    told, stopping = asyncio.Event(), asyncio.Event()
    standby = _fallback(told.set, stopping)
    watching = asyncio.create_task(take_turns(standby.take_turn, database, stopping))
    await asyncio.wait_for(told.wait(), 60)
    stopping.set()
    await asyncio.wait_for(watching, 60)


@pytest.mark.parametrize(("due", "table"), [(RUNS, "automation_runs"), (SILENCES, "inactivity_timers")])
async def test_workers_are_told_of_what_is_due(database: Connection, due: str, table: str) -> None:
    """Where no event waits: a delay that is over, or a silence."""
    (workspace,) = await _others(database, 1)
    await database.execute(due, (workspace, 1))
    waited = await event_claims.seconds_waiting(database)
    assert waited is not None
    assert 59 < waited < 90
    await database.execute(f"UPDATE {table} SET due_at = now() + interval '1 min'")
    assert await event_claims.seconds_waiting(database) is None


async def test_the_sweeper_drops_what_nobody_waits_for(database_url: str, database: Connection) -> None:
    (workspace,) = await _others(database, 1)
    await database.execute("DELETE FROM rule_versions WHERE workspace_id = %s", (workspace,))
    await database.execute(EVENTS, (workspace, 3))
    stopping = asyncio.Event()

    async def is_dropped() -> bool:
        return await rows(database, "SELECT 1 FROM events") == []

    async with connect(database_url, "tests sweeper") as connection:
        standby = _fallback(lambda: None, stopping)
        watching = asyncio.create_task(take_turns(standby.take_turn, connection, stopping))
        await until_async(is_dropped, what="the drop")
        stopping.set()
        await asyncio.wait_for(watching, 60)


async def test_workers_are_told_again_while_the_sweeper_acts(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has nothing to do must not be idle until the sweeper is through."""
    # A fast machine is through with all of the events in a turn of the usual second.
    monkeypatch.setattr(overdue_work, "WORK_SECONDS", 0.1)
    (large,) = await _others(database, 1)
    await database.execute(EVENTS, (large, 10_000))
    await database.execute("UPDATE events SET occurred_at = now() - interval '1 min'")
    hints, again, stopping = [0], asyncio.Event(), asyncio.Event()

    def hint() -> None:
        hints[0] += 1
        if hints[0] > 1:
            again.set()

    async with connect(database_url, "tests sweeper") as connection:
        standby = _fallback(hint, stopping)
        watching = asyncio.create_task(take_turns(standby.take_turn, connection, stopping))
        await asyncio.wait_for(again.wait(), 60)
        (left,) = await rows(database, "SELECT count(*) AS n FROM events")
        stopping.set()
        await asyncio.wait_for(watching, 60)
    assert 0 < left["n"] < 10_000
