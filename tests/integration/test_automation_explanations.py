"""Why an automation ran for a lead or did not, after real engines had their turn."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.automations.event_limits import LaneStop
from shared.automations.explanation import Explanation, judge_evidence
from shared.automations.explanation_evidence import gather_evidence
from shared.automations.run_limits import MAX_CHAINED_RUNS_PER_MINUTE
from shared.leads.writes import ChangeCause, LeadChange, change_leads
from shared.operations.lane_pauses import LaneActor, pause_lane, resume_lane
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from tests.support.automating import action, condition, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

PERSON = ChangeCause("user", 1)
ADD_VIP = action("add_tag", tag="vip")


async def the_lead(database: Connection) -> int:
    return int((await rows(database, "SELECT id FROM leads ORDER BY id LIMIT 1"))[0]["id"])


async def why(database: Connection, automation: int, event: int | None = None, **options: Any) -> Explanation:
    lead = await the_lead(database)
    return judge_evidence(
        await gather_evidence(database, await workspace_id(database), automation, lead, event, **options)
    )


async def change(database: Connection, **changes: Any) -> None:
    async with database.transaction():
        one = LeadChange(await workspace_id(database), await the_lead(database), cause=PERSON, **changes)
        assert not await change_leads(database, [one])


def limits(explained: Explanation) -> dict[str, bool]:
    return {limit.name: limit.passed for limit in explained.limits}


async def test_run_to_the_end_is_explained_by_its_event(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, condition("source", "equals", "web"), ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com", "source": "web"})
    await run(database_url)
    found = await why(database, made)
    assert (found.ran, found.reason.code, found.trigger.matched) == (True, "ran", True)
    assert found.run is not None
    assert found.event is not None
    assert found.run.trigger_key == f"entry:{found.event.id}"
    assert all(limits(found).values())
    assert [one.comparison.found for one in found.conditions] == ["web"]


@pytest.mark.parametrize(
    ("trigger", "body", "code", "met"),
    [
        ({"type": "lead_created", "sources": ["app"]}, {"source": "web"}, "other_source", "web"),
        ({"type": "tag_added", "tag": "vip"}, {"tags": ["press", "cold"]}, "other_tag", ["press", "cold"]),
        ({"type": "tag_added", "tag": "vip"}, {}, "other_event", ["lead.created"]),
        ({"type": "manual"}, {}, "only_by_hand", None),
    ],
    ids=str,
)
async def test_trigger_that_waits_for_something_else_says_so(
    database_url: str, database: Connection, trigger: dict[str, Any], body: dict[str, Any], code: str, met: Any
) -> None:
    made = await save(database, trigger, ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com", **body})
    await run(database_url)
    found = await why(database, made)
    assert (found.ran, found.reason.code, found.reason.values.get("met")) == (False, code, met)
    assert not found.runs


async def test_false_condition_shows_the_value_of_that_time(database_url: str, database: Connection) -> None:
    """The lead's budget and tags are changed after the run: the answer quotes those that the run met."""
    asked = {
        "condition": {
            "any": [
                {"field": "custom_fields.budget", "operator": "greater_than", "value": 5000},
                {"not": {"field": "tags", "operator": "contains", "value": "cold"}},
            ]
        }
    }
    made = await save(database, {"type": "lead_created"}, condition("email", "is_not_empty"), asked, ADD_VIP)
    await leads(
        database_url, database, {"email": "a@example.com", "custom_fields": {"budget": "900"}, "tags": ["cold"]}
    )
    await run(database_url)
    await change(database, set_fields={"custom_fields": {"budget": 9000}}, remove_tags=["cold"])
    await run(database_url)
    found = await why(database, made)
    assert (found.ran, found.reason.code, found.false_step) == (False, "condition_false", 1)
    shown = [(one.step, one.comparison.path, one.comparison.found, one.comparison.held) for one in found.conditions]
    assert shown == [(0, "", "a@example.com", True), (1, "any.0", "900", False), (1, "any.1.not", ["cold"], True)]
    assert all(one.is_of_then for one in found.conditions)
    assert [row["state"] for row in await runs(database)] == ["done"]


async def test_values_that_the_timeline_does_not_tell_are_those_of_now(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, condition("notes", "contains", "urgent"), ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com", "notes": "calm"})
    await run(database_url)
    await leads(database_url, database, {"email": "a@example.com", "notes": "urgent"})
    await run(database_url)
    found = await why(database, made)
    assert (found.reason.code, found.false_step) == ("condition_false", 0)
    assert [one.is_of_then for one in found.conditions] == [False]


async def test_condition_after_a_change_by_the_run_itself(database_url: str, database: Connection) -> None:
    made = await save(
        database,
        {"type": "lead_created"},
        action("set_status", status="qualified"),
        condition("status", "equals", "new"),
        ADD_VIP,
    )
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    found = await why(database, made)
    assert (found.ran, found.reason.code, found.false_step) == (True, "ran_ended", 1)
    assert [(one.comparison.found, one.is_of_then) for one in found.conditions] == [("qualified", True)]


async def test_automation_that_is_off_or_made_later(database_url: str, database: Connection) -> None:
    off = await save(database, {"type": "lead_created"}, ADD_VIP, active=False)
    await save(database, {"type": "manual"}, ADD_VIP)  # so that events are kept
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert (await why(database, off)).reason.code == "is_off"
    later = await save(database, {"type": "lead_created"}, ADD_VIP)
    found = await why(database, later)
    assert (found.ran, found.reason.code, limits(found)["age"]) == (False, "made_later", False)


PUBLISH = """
INSERT INTO automation_versions (workspace_id, automation_id, version, name, trigger, steps, published_at)
SELECT workspace_id, id, version, name, trigger, steps, now() FROM automations WHERE id = %s
"""


async def test_version_that_ran_then_is_the_one_that_is_explained(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created", "sources": ["app"]}, ADD_VIP)
    await database.execute(PUBLISH, (made,))
    await leads(database_url, database, {"email": "a@example.com", "source": "web"})
    await run(database_url)
    await database.execute(
        """UPDATE automations SET version = 2, trigger = '{"type": "lead_created"}' WHERE id = %s""", (made,)
    )
    await database.execute(PUBLISH, (made,))
    found = await why(database, made)
    assert (found.reason.code, found.automation.version, found.version_now) == ("other_source", 1, 2)
    assert next(limit for limit in found.limits if limit.name == "version").code == "other_version"


async def test_draft_that_was_published_after_the_event_says_so(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, ADD_VIP, active=False)
    await save(database, {"type": "manual"}, ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute("UPDATE automations SET is_active = true WHERE id = %s", (made,))
    await database.execute(PUBLISH, (made,))
    assert (await why(database, made)).reason.code == "published_later"


async def test_event_waits_while_the_lane_is_paused(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, ADD_VIP)
    workspace, actor = await workspace_id(database), LaneActor("user", 1, "Ada")
    async with database.transaction():
        await pause_lane(database, "automations", workspace, actor, "a mailing goes out")
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    lane = LaneStop("a mailing goes out", datetime.now(UTC))
    found = await why(database, made, lane=lane)
    assert (found.ran, found.reason.code, found.reason.values["reason"]) == (False, "lane_paused", lane.reason)
    async with database.transaction():
        await resume_lane(database, "automations", workspace, actor)
    assert (await why(database, made)).reason.code == "queued"
    await run(database_url)
    assert (await why(database, made)).reason.code == "ran"


async def test_replay_without_automations_is_named(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_created"}, ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com"})
    await database.execute("DELETE FROM events")
    await database.execute("""UPDATE activities SET data = data || '{"without_automations": true}'""")
    await run(database_url)
    assert (await why(database, made)).reason.code == "without_automations"


async def test_automation_that_sets_itself_off_is_named(database_url: str, database: Connection) -> None:
    made = await save(database, {"type": "lead_updated"}, action("adjust_score", points=1))
    await leads(database_url, database, {"email": "a@example.com"})
    await change(database, set_fields={"company": "Acme"})
    await run(database_url)
    first = await why(database, made)
    assert (first.ran, first.reason.code) == (True, "ran")
    found = await why(database, made, first.events[0].id)
    assert (found.ran, found.reason.code, limits(found)["chain"]) == (False, "stopped", False)


async def test_loop_limit_is_named_for_runs_that_were_dropped(database_url: str, database: Connection) -> None:
    for number in range(26):
        await save(database, {"type": "lead_updated"}, action("set_field", field="company", value=f"company {number}"))
    last = await save(database, {"type": "lead_updated", "fields": ["company"]}, ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com"})
    await change(database, set_fields={"job_title": "boss"})
    await run(database_url)
    stored = [row for row in await runs(database) if row["chain"]]
    assert len(stored) == MAX_CHAINED_RUNS_PER_MINUTE + 1
    found = await why(database, last)
    assert (found.ran, found.reason.code, limits(found)["loop"]) == (False, "loop_limit", False)


async def test_delay_that_runs_and_timer_that_waits(database_url: str, database: Connection) -> None:
    slow = await save(database, {"type": "lead_created"}, ADD_VIP, {"delay": {"days": 2}}, ADD_VIP)
    silent = await save(database, {"type": "no_activity", "minutes": 600}, ADD_VIP)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    found = await why(database, slow)
    assert (found.ran, found.reason.code) == (True, "ran_waits")
    assert (await why(database, silent)).reason.code == "timer_runs"


async def test_lead_and_event_have_to_be_there(database_url: str, database: Connection) -> None:
    made, workspace = await save(database, {"type": "lead_created"}, ADD_VIP), await workspace_id(database)
    await leads(database_url, database, {"email": "a@example.com"})
    with pytest.raises(NotFound):
        await gather_evidence(database, workspace, made + 1, await the_lead(database))
    with pytest.raises(NotFound):
        await gather_evidence(database, workspace + 1, made, await the_lead(database))
    with pytest.raises(ValidationFailed):
        await gather_evidence(database, workspace, made, 999_999)
    with pytest.raises(ValidationFailed):
        await why(database, made, 999_999)
