"""Runs of automations that wait, fail or are switched off meanwhile."""

import pytest

from shared.db import Connection
from shared.leads.submission import MOST_TAGS
from shared.leads.writes import Change, change
from tests.support.automating import action, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id
from tests.support.leads import BY, create

pytestmark = pytest.mark.integration

SWITCHED_OFF = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest, is_active)
VALUES (%s, 'slack', 't', 'x', 'x', decode(md5(random()::text), 'hex'), false) RETURNING id
"""
LATER = {"delay": {"hours": 1}}
BREAK = """
INSERT INTO activities (workspace_id, lead_id, type, data) SELECT workspace_id, id, 'lead.updated', '{}' FROM leads
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


async def test_one_that_is_switched_off_does_not_act(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="x"), active=False)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert await runs(database) == []


async def test_what_failed_before_a_delay_is_a_failure_after_it(database_url: str, database: Connection) -> None:
    steps = (action("move_stage", stage_id=999_999), LATER, action("add_tag", tag="x"))
    await save(database, {"type": "lead_created"}, *steps)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute(MAKE_DUE)
    await run(database_url)
    assert [one["state"] for one in await runs(database)] == ["failed"]


async def test_an_integration_that_is_switched_off_fails_its_step(database_url: str, database: Connection) -> None:
    (row,) = await rows(database, SWITCHED_OFF, [await workspace_id(database)])
    await save(database, {"type": "lead_created"}, action("notify_slack", integration_id=row["id"], text="x"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert [one["state"] for one in await runs(database)] == ["failed"]


async def test_a_silence_that_is_broken_just_now_is_none(database_url: str, database: Connection) -> None:
    """Though the engine has yet to hear of what broke it."""
    await save(database, {"type": "no_activity", "minutes": 30}, action("add_tag", tag="cold"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute("UPDATE silences SET due_at = now()")
    await database.execute(BREAK)
    await run(database_url)
    assert await runs(database) == []


async def test_a_lead_that_bears_all_it_can_takes_no_further_tag(database: Connection) -> None:
    workspace = await workspace_id(database)
    lead = await create(database, workspace, first_name="A")
    tags = [f"t{n}" for n in range(MOST_TAGS)]
    async with database.transaction():
        assert await change(database, [Change(workspace, lead, cause=BY, add_tags=tags)]) == []
    async with database.transaction():
        (refusal,) = await change(database, [Change(workspace, lead, cause=BY, add_tags=["more"])])
    assert "tag" in refusal.errors
