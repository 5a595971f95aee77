"""What a person agrees to is what is written; what was written is put back exactly; what cannot be is refused."""

from typing import Any, cast

import pytest
from mcp import Client
from mcp_types import ElicitResult

from leadhub_client import ValidationFailed
from tests.integrations.agent_clients import AgentSite, AskedPerson, agent_of, call, refusal_of
from tests.support.stack import Stack
from tests.support.waiting import until

BOTH_MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])
MANY_FIELDS: dict[str, Any] = {
    "first_name": "x" * 244,
    "notes": "HIDDEN <!-- b -->",
    "status": "lost",
    "company": "Zuse",
    "starred": True,
}


class SilentPerson(AskedPerson):
    """A client that accepts with an empty form."""

    async def answer(self, context: Any, params: Any) -> ElicitResult:
        self.questions.append(params.message)
        return ElicitResult(action="accept", content={})


@pytest.fixture(scope="module")
def agent_site(shared_stack: Stack) -> AgentSite:
    return AgentSite.make(shared_stack)


@pytest.fixture(autouse=True)
def new_key(agent_site: AgentSite) -> None:
    """No test uses up the calls of another."""
    agent_site.key = agent_site.make_key("*")


async def twice(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Do a dry run and confirm it."""
    shown = await call(client, tool, **arguments)
    return await call(client, tool, **arguments, confirm_token=shown["confirm_token"])


@BOTH_MODES
async def test_the_question_has_every_field_that_is_written(agent_site: AgentSite, mode: str) -> None:
    (lead_id,) = agent_site.make_leads({"first_name": "Konrad"})
    person = AskedPerson(True)
    async with agent_of(agent_site.url, agent_site.key, "asked", person=person, mode=mode) as client:
        await twice(client, "update_lead", lead_id=lead_id, changes=MANY_FIELDS, add_tags=["vip"])
        too_long = {"lead_id": lead_id, "changes": {"notes": "n" * 2_000}}
        assert "too long to be shown to a person" in await refusal_of(client, "update_lead", **too_long)
    (question,) = person.questions
    lines = set(question.splitlines())
    assert {f'first_name = "{"x" * 244}"', 'status = "lost"', 'company = "Zuse"', "starred = true"} < lines
    assert {'notes = "HIDDEN \\u003c!-- b --\\u003e"', 'add_tags = "vip"', 'lead = "Konrad"'} < lines
    lead = agent_site.lead(lead_id)
    assert {name: lead[name] for name in MANY_FIELDS} == MANY_FIELDS


async def test_texts_with_what_nobody_sees_are_refused(agent_site: AgentSite) -> None:
    (lead_id,) = agent_site.make_leads({})
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        for character in ("\u202e", "\u200b", "\U000e0041"):
            changes = {"company": f"a{character}"}
            assert "nobody sees" in await refusal_of(client, "update_lead", lead_id=lead_id, changes=changes)
            assert "nobody sees" in await refusal_of(client, "update_lead", lead_id=lead_id, add_tags=[character])
            assert "nobody sees" in await refusal_of(client, "create_task", title=character)


async def test_a_merge_names_both_leads(agent_site: AgentSite) -> None:
    stays, goes = agent_site.make_leads(
        {"first_name": "Sofia", "email": "sofia@example.com"}, {"first_name": "Emmy", "email": "emmy@example.com"}
    )
    person = AskedPerson(True)
    async with agent_of(agent_site.url, agent_site.key, "asked", person=person) as client:
        await twice(client, "merge_leads", lead_id=stays, merged_lead_id=goes)
    for text in (str(stays), str(goes), "Sofia sofia@example.com", "Emmy emmy@example.com"):
        assert text in person.questions[0]


@BOTH_MODES
async def test_an_empty_answer_agrees_to_nothing(agent_site: AgentSite, mode: str) -> None:
    (lead_id,) = agent_site.make_leads({})
    wanted: dict[str, Any] = {"lead_id": lead_id, "changes": {"status": "lost"}}
    async with agent_of(agent_site.url, agent_site.key, "asked", person=SilentPerson(True), mode=mode) as client:
        token = (await call(client, "update_lead", **wanted))["confirm_token"]
        said = await refusal_of(client, "update_lead", **wanted, confirm_token=token)
    assert "does not say whether the person agrees" in said
    assert "ask_person" not in said
    assert agent_site.lead(lead_id)["status"] == "new"


@pytest.mark.parametrize("person", [None, AskedPerson(True)])
async def test_a_change_is_undone_exactly(agent_site: AgentSite, person: AskedPerson | None) -> None:
    before = {
        "first_name": "Ada \u202eLovelace",
        "company": "[Acme](https://acme.example/a?b=c) <b>",
        "notes": "line\n\n  two " + "n" * 1_500,
        "tags": ["b", "a|c"],
    }
    (lead_id,) = agent_site.make_leads(before)
    stored = agent_site.lead(lead_id)
    changes = {"first_name": "Eve", "company": None, "notes": "short", "status": "lost", "starred": True}
    async with agent_of(agent_site.url, agent_site.key, "on", person=person) as client:
        done = await twice(client, "update_lead", lead_id=lead_id, changes=changes, remove_tags=["b"])
        assert agent_site.lead(lead_id)["first_name"] == "Eve"
        with agent_site.client() as api:
            api.leads.update(lead_id, {"status": "qualified"})
        wanted = {"kind": "change", "id": done["change_id"]}
        shown = await call(client, "undo", **wanted)
        assert shown["changed_since"] == ["status"]
        undone = await call(client, "undo", **wanted, confirm_token=shown["confirm_token"])
        assert undone["not_stored"] == []
        lead = agent_site.lead(lead_id)
        names = (*before, "status", "starred", "pipeline_id", "pipeline_stage_id", "assigned_user_id")
        assert {name: lead[name] for name in names} == {name: stored[name] for name in names}
        await twice(client, "undo", kind="change", id=undone["change_id"])
        assert agent_site.lead(lead_id)["first_name"] == "Eve"
        assert "knows no change" in await refusal_of(client, "undo", kind="change", id=1)
    if person:
        lines = set(person.questions[1].splitlines())
        assert {'first_name = "Ada \\u202eLovelace"', 'changed_since = "status"'} < lines
        assert any(line.startswith('notes = "(as before: 15') for line in lines)
    async with agent_of(agent_site.url, agent_site.make_key("*"), "on") as other:
        assert "knows no change" in await refusal_of(other, "undo", **wanted)


async def test_a_stage_is_undone_with_the_status_that_came_with_it(agent_site: AgentSite) -> None:
    with agent_site.client() as api:
        stages: Any = [{"name": "Open"}, {"name": "Won", "is_won": True}]
        pipeline: Any = api.pipelines.create({"name": "Undone", "stages": stages})
    (lead_id,) = agent_site.make_leads({"status": "contacted"})
    stored = agent_site.lead(lead_id)
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        changes = {"pipeline_stage_id": pipeline["stages"][1]["id"]}
        done = await twice(client, "update_lead", lead_id=lead_id, changes=changes)
        assert agent_site.lead(lead_id)["pipeline_id"] == pipeline["id"]
        await twice(client, "undo", kind="change", id=done["change_id"])
    names = ("status", "pipeline_id", "pipeline_stage_id")
    assert [agent_site.lead(lead_id)[name] for name in names] == [stored[name] for name in names]


async def test_an_empty_first_name_is_not_promised_back(agent_site: AgentSite) -> None:
    with agent_site.client() as api:
        api.submit_leads([{"email": "nameless@example.com"}], wait=30)
        lead_id = until(lambda: [one["id"] for one in api.leads.list(email="nameless@example.com")], what="it")[0]
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        changes = {"first_name": "Nemo", "company": "Nautilus"}
        done = await twice(client, "update_lead", lead_id=lead_id, changes=changes)
        assert "had none is not put back" in done["undo"]
        await twice(client, "undo", kind="change", id=done["change_id"])
    lead = agent_site.lead(lead_id)
    assert (lead["first_name"], lead["company"]) == ("Nemo", None)


async def test_a_dry_run_refuses_what_is_not_of_the_workspace(agent_site: AgentSite) -> None:
    other = AgentSite.make(agent_site.stack)
    with other.client() as api:
        stage: Any = next(iter(api.pipelines.list()))
        user: Any = api.users.create({"name": "Eve", "email": "eve@example.com"})
    with agent_site.client() as api:
        own_stage = next(iter(api.pipelines.list()))["stages"][0]["id"]
    (lead_id,) = agent_site.make_leads({})
    foreign = (
        {"pipeline_id": stage["id"]},
        {"pipeline_stage_id": stage["stages"][0]["id"]},
        {"assigned_user_id": user["id"]},
    )
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        for changes in foreign:
            assert "There is no" in await refusal_of(client, "update_lead", lead_id=lead_id, changes=changes)
        assert "There is no" in await refusal_of(client, "create_task", title="x", user_id=user["id"])
        for name in ("status", "starred", "first_name"):
            with pytest.raises(ValidationFailed), agent_site.client() as api:
                api.leads.update(lead_id, cast("Any", {name: None}))
            said = await refusal_of(client, "update_lead", lead_id=lead_id, changes={name: None})
            assert "cannot be emptied" in said
        beside = {"pipeline_id": None, "pipeline_stage_id": own_stage}
        assert "There is no stage" in await refusal_of(client, "update_lead", lead_id=lead_id, changes=beside)
    # A key that reads neither is told when it confirms, and loses nothing of its budget.
    async with agent_of(agent_site.url, agent_site.make_key("read:leads write:leads"), "on") as client:
        wanted = {"lead_id": lead_id, "changes": foreign[2]}
        token = (await call(client, "update_lead", **wanted))["confirm_token"]
        assert "no user" in await refusal_of(client, "update_lead", **wanted, confirm_token=token)
        assert (await call(client, "whoami"))["write_budget_left"] == 200


async def test_calls_beyond_sixty_a_minute_are_refused_and_one_of_them_noted(agent_site: AgentSite) -> None:
    site = AgentSite.make(agent_site.stack)
    async with agent_of(site.url, site.key) as client:
        for _ in range(130):  # a minute may end meanwhile
            answer = await client.call_tool("whoami", {})
            if answer.is_error:
                break
        assert "used up its requests" in await refusal_of(client, "whoami")
    until(lambda: "refused" in {one["outcome"] for one in site.audit_entries()}, what="the entry")
