"""Trials of automations on the last events: what each would do, and nothing done."""

from typing import Any

import pytest

from shared.automations.explanation_reads import read_automation
from shared.automations.trial import MAX_TRIAL_EVENTS, Trial, plan_event_trial, plan_lead_trial, run_trial
from shared.platform.db.connections import Connection
from tests.support.automating import action, condition, leads, rows, run, save, user
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1
"""


async def digest(database: Connection) -> dict[str, Any]:
    """What every table holds."""
    found = {}
    for row in await rows(database, TABLES):
        name = row["table_name"]
        statement = (
            f"SELECT count(*) AS n, md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) AS d FROM \"{name}\" t"
        )
        found[name] = (await rows(database, statement))[0]
    return found


async def trial(database: Connection, made: int, most: int = MAX_TRIAL_EVENTS) -> Trial:
    workspace = await workspace_id(database)
    automation = await read_automation(database, workspace, made)
    assert automation is not None
    return run_trial(await plan_event_trial(database, workspace, automation, most))


async def test_trial_on_fifty_events_tells_each_outcome_and_changes_nothing(
    database_url: str, database: Connection
) -> None:
    first, second = await user(database, "a@team.example"), await user(database, "b@team.example")
    made = await save(
        database,
        {"type": "lead_created", "sources": ["web"]},
        condition("custom_fields.budget", "greater_than", 5000),
        action("assign_user", round_robin=[first, second]),
        action("send_email", to="lead", subject="Hello {{ first_name }}", body="{{ first_name }}"),
        action("create_task", title="Call {{ first_name }}"),
        action("send_webhook", url="https://hook.example/x"),
        {"delay": {"days": 2}},
        action("add_tag", tag="vip"),
        active=False,
    )
    await save(database, {"type": "manual"}, action("add_tag", tag="x"))
    bodies = [
        {
            "email": f"person{number}@example.com",
            "first_name": "<script>alert(1)</script> {{ 7*7 }}",
            "source": "web" if number % 3 else "app",
            "custom_fields": {"budget": 9000 if number % 2 else 900},
        }
        for number in range(60)
    ]
    await leads(database_url, database, *bodies)
    await run(database_url)
    before = await digest(database)
    found = await trial(database, made)
    assert await digest(database) == before
    assert (len(found.tried), found.left_out) == (50, 0)
    expected = ["not_started" if not n % 3 else "would_run" if n % 2 else "would_stop" for n in range(10, 60)]
    assert [one.outcome for one in reversed(found.tried)] == expected
    ran = next(one for one in found.tried if one.outcome == "would_run")
    assert [step["outcome"] for step in ran.steps] == ["passed", "done", "done", "done", "done", "waiting", "done"]
    assert ran.steps[1]["data"] == {"user_id": first}
    stopped = next(one for one in found.tried if one.outcome == "would_stop")
    assert (stopped.ended_step, [each.found for each in stopped.false_comparisons]) == (0, [900])
    other = next(one for one in found.tried if one.outcome == "not_started")
    assert other.answer is not None
    assert (other.answer.code, other.answer.values["met"]) == ("other_source", "app")


async def test_trial_on_a_lead_passes_its_trigger_over(database_url: str, database: Connection) -> None:
    made, workspace = await save(database, {"type": "manual"}, action("add_tag", tag="vip")), 0
    await leads(database_url, database, {"email": "a@example.com"}, {"email": "b@example.com"})
    await run(database_url)
    workspace = await workspace_id(database)
    automation = await read_automation(database, workspace, made)
    assert automation is not None
    (lead, *_) = await rows(database, "SELECT id FROM leads ORDER BY id")
    before = await digest(database)
    alone = run_trial(await plan_lead_trial(database, workspace, automation, lead["id"]))
    assert [one.outcome for one in alone.tried] == ["would_run"]
    assert [one.case.lead["email"] for one in (await trial(database, made)).tried] == ["b@example.com", "a@example.com"]
    assert await digest(database) == before


async def test_trial_ends_where_its_texts_take_too_long(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.automations.trial.MAX_TRIAL_CHARS", 1000)
    task = action("create_task", title="x" * 200 + "{{ first_name }}")
    made = await save(database, {"type": "lead_created"}, task)
    await leads(database_url, database, *[{"email": f"p{number}@example.com"} for number in range(20)])
    found = await trial(database, made)
    assert len(found.tried) + found.left_out == 20
    assert 0 < len(found.tried) < 10


async def test_trial_of_a_workspace_without_leads_is_empty(database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, action("add_tag", tag="vip"))
    assert await trial(database, made) == Trial([], 0)
