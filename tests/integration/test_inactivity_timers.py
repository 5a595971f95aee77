"""Automations that wait for leads to be silent."""

from datetime import UTC, datetime

import pytest

from services.workers.automations import inactivity_timers
from services.workers.outbox.outbox_event import OutboxEvent
from shared.platform.db.connections import Connection
from tests.support.automating import action, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

ANNA = {"email": "anna@example.com"}
OVER = "UPDATE inactivity_timers SET due_at = now()"
SCORING = """
INSERT INTO scoring_rules (workspace_id, field, operator, points) VALUES (%s, 'email', 'is_not_empty', 7)
"""


async def silent(connection: Connection) -> int:
    return await save(connection, {"type": "no_activity", "minutes": 30}, action("add_tag", tag="cold"))


async def runs_of(connection: Connection, automation: int) -> int:
    return sum(one["automation_id"] == automation for one in await runs(connection))


async def test_automation_and_score_changes_do_not_restart_inactivity_timers(
    database_url: str, database: Connection
) -> None:
    automation = await silent(database)
    await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    await database.execute(SCORING, (await workspace_id(database),))
    await leads(database_url, database, ANNA)
    await run(database_url)
    by = "SELECT array_agg(data->'by'->>'kind' ORDER BY id) AS by FROM activities WHERE type = 'lead.updated'"
    assert await rows(database, by) == [{"by": ["scoring", "automation"]}]
    await database.execute(OVER)
    await run(database_url)
    assert await runs_of(database, automation) == 1


async def test_of_what_happens_in_short_succession_the_last_counts(database_url: str, database: Connection) -> None:
    automation = await silent(database)
    await leads(database_url, database, ANNA)
    await leads(database_url, database, ANNA)
    assert await rows(database, "SELECT count(*) AS n FROM events") == [{"n": 2}]
    await run(database_url)
    last = await rows(database, "SELECT max(id) AS activity_id FROM activities")
    assert await rows(database, "SELECT activity_id FROM inactivity_timers") == last
    await database.execute(OVER)
    await run(database_url)
    assert await runs_of(database, automation) == 1


async def test_a_run_that_a_silence_begins_is_counted(database_url: str, database: Connection) -> None:
    automation = await silent(database)
    await leads(database_url, database, ANNA, {"email": "ben@example.com"})
    await run(database_url)
    await database.execute(OVER)
    await run(database_url)
    counted = "SELECT ref_id, sum(n)::int AS n FROM counter_deltas WHERE kind = 'automation' GROUP BY 1"
    assert await rows(database, counted) == [{"ref_id": automation, "n": 2}]


async def test_late_events_do_not_set_inactivity_timers_back(database: Connection) -> None:
    """Who saves an automation waits for what happened last, though the engine has yet to hear of it."""
    workspace, automation = await workspace_id(database), await silent(database)
    for activity in (2, 1):
        event = OutboxEvent(activity, workspace, "lead.updated", 1, activity, datetime.now(UTC), {})
        await inactivity_timers.restart_timers(database, [(event, automation, 30)])
    assert await rows(database, "SELECT activity_id FROM inactivity_timers") == [{"activity_id": 2}]
