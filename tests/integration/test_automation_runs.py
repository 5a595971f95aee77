"""Runs of automations that wait, fail or are switched off meanwhile."""

import asyncio

import pytest

from services.workers.automations.runs import expire_runs, postpone_run, take_due_runs
from shared.leads import reference_locks
from shared.leads.submission import MAX_LEAD_TAGS
from shared.leads.writes import LeadChange, change_leads
from shared.platform.db.connections import Connection, connect
from tests.support.automating import action, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id
from tests.support.leads import BY, create
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

SWITCHED_OFF = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest, is_active)
VALUES (%s, 'slack', 't', 'x', 'x', decode(md5(random()::text), 'hex'), false) RETURNING id
"""
LATER = {"delay": {"hours": 1}}
BREAK = """
INSERT INTO activities (workspace_id, lead_id, type, data) SELECT workspace_id, id, 'lead.updated', '{}' FROM leads
"""
ENDED = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, finished_at)
SELECT %s, 1, coalesce(days::text, 'waits'), 1, 'done', now() - days * interval '1 day' FROM unnest(%s::int[]) days
"""
ENGINE_WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'tests engine' AND wait_event_type = 'Lock'"
WAITS = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
VALUES (%s, 1, 'any', 1, 'waiting', now())
"""
MAKE_DUE = "UPDATE automation_runs SET due_at = now()"


async def test_a_due_run_is_acted_on_once_by_however_many_engines(database_url: str, database: Connection) -> None:
    mail = action("send_email", to="lead", subject="A", body="B")
    await save(database, {"type": "lead_created"}, LATER, action("adjust_score", points=1), mail)
    await leads(database_url, database, *({"email": f"{n}@example.com"} for n in range(300)))
    await run(database_url)
    await database.execute(MAKE_DUE)
    await run(database_url, engines=4)
    assert await rows(database, "SELECT DISTINCT lead_score FROM leads") == [{"lead_score": 1}]
    assert await rows(database, "SELECT count(*) AS n FROM deliveries") == [{"n": 300}]


async def test_inactive_automation_does_not_run(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="x"), active=False)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert await runs(database) == []


async def test_failure_before_a_delay_fails_the_whole_run(database_url: str, database: Connection) -> None:
    steps = (action("move_stage", stage_id=999_999), LATER, action("add_tag", tag="x"))
    await save(database, {"type": "lead_created"}, *steps)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute(MAKE_DUE)
    await run(database_url)
    (found,) = await runs(database)
    assert (found["state"], found["error"]) == ("failed", "there is no stage 999999")


async def test_a_run_that_got_on_has_all_its_attempts_again(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, LATER, LATER)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute(f"{MAKE_DUE}, attempts = 3")
    await run(database_url)
    assert [(one["state"], one["step"], one["attempts"]) for one in await runs(database)] == [("waiting", 2, 0)]


async def test_a_run_whose_change_is_refused_has_failed_and_waits_for_nothing(
    database_url: str, database: Connection
) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="more"), LATER, action("add_tag", tag="later"))
    tags = [f"t{n}" for n in range(MAX_LEAD_TAGS)]
    await leads(database_url, database, {"email": "a@example.com", "tags": tags})
    await database.execute("DELETE FROM tags WHERE name = 't0'")  # of which the lead is yet to be cleared
    await run(database_url)
    (found,) = await runs(database)
    assert (found["state"], found["due_at"]) == ("failed", None)
    assert "above 1,000" in found["error"]


async def test_an_integration_that_is_switched_off_fails_its_step(database_url: str, database: Connection) -> None:
    (row,) = await rows(database, SWITCHED_OFF, [await workspace_id(database)])
    await save(database, {"type": "lead_created"}, action("notify_slack", integration_id=row["id"], text="x"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert [one["state"] for one in await runs(database)] == ["failed"]


async def test_run_retry_pause_quadruples_until_the_last_attempt(database: Connection) -> None:
    await database.execute(WAITS, (await workspace_id(database),))
    pauses = []
    for _ in range(4):
        (due,) = await take_due_runs(database)
        await postpone_run(database, due, LookupError("why"))
        (waits,) = await rows(
            database, "SELECT extract(epoch FROM due_at - now())::float8 AS pause FROM automation_runs"
        )
        pauses.append(waits["pause"])
        await database.execute(MAKE_DUE)
    assert pauses == pytest.approx([2, 8, 32, 128], abs=1)
    (last,) = await take_due_runs(database)
    await postpone_run(database, last, LookupError("why"))
    (found,) = await runs(database)
    assert (found["state"], found["due_at"], found["error"]) == ("failed", None, "LookupError, 5 times")
    assert found["finished_at"] is not None


async def test_runs_are_forgotten_so_many_days_after_their_end(database: Connection) -> None:
    await database.execute(ENDED, (await workspace_id(database), [29, 31, None]))
    await expire_runs(database, 30)
    assert [one["trigger_key"] for one in await runs(database)] == ["29", "waits"]


async def test_activity_just_now_cancels_a_due_inactivity_run(database_url: str, database: Connection) -> None:
    """Though the engine has yet to hear of what broke it."""
    await save(database, {"type": "no_activity", "minutes": 30}, action("add_tag", tag="cold"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute("UPDATE inactivity_timers SET due_at = now()")
    await database.execute(BREAK)
    await run(database_url)
    assert await runs(database) == []


async def test_deleting_a_stage_does_not_deadlock_with_the_engine(database_url: str, database: Connection) -> None:
    """What leads refer to is held before they are locked, or the two would wait for each other."""
    await save(database, {"type": "lead_created"}, action("add_tag", tag="x"))
    await leads(database_url, database, {"email": "a@example.com"})
    async with connect(database_url, "tests deletes") as other, other.transaction():
        await reference_locks.lock_exclusive(other, await workspace_id(database))
        engine = asyncio.create_task(run(database_url))
        await until_async(lambda: engine_waits(database))
        await other.execute("SELECT FROM leads FOR UPDATE NOWAIT")
    await engine
    assert [one["state"] for one in await runs(database)] == ["done"]


async def engine_waits(connection: Connection) -> bool:
    return bool(await rows(connection, ENGINE_WAITS))


async def test_a_lead_that_bears_all_it_can_takes_no_further_tag(database: Connection) -> None:
    workspace = await workspace_id(database)
    lead = await create(database, workspace, first_name="A")
    tags = [f"t{n}" for n in range(MAX_LEAD_TAGS)]
    async with database.transaction():
        assert await change_leads(database, [LeadChange(workspace, lead, cause=BY, add_tags=tags)]) == []
    async with database.transaction():
        (refusal,) = await change_leads(database, [LeadChange(workspace, lead, cause=BY, add_tags=["more"])])
    assert "tag" in refusal.errors
