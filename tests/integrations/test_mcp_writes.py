"""Changes by agents: shown at first, confirmed exactly, asked of the person, within a budget, and undone."""

from typing import Any

import pytest

from services.mcp_server import confirmation_tokens
from tests.integrations.agent_clients import AgentSite, AskedPerson, agent_of, call, refusal_of
from tests.support.stack import Stack
from tests.support.waiting import until


@pytest.fixture(scope="module")
def agent_site(shared_stack: Stack) -> AgentSite:
    return AgentSite.make(shared_stack)


@pytest.fixture(autouse=True)
def new_key(agent_site: AgentSite) -> None:
    """No test uses up the calls of another."""
    agent_site.key = agent_site.make_key("*")


async def test_a_lead_is_changed_after_a_dry_run(agent_site: AgentSite) -> None:
    (lead_id,) = agent_site.make_leads({"email": "kay@example.com", "company": "Old", "tags": ["a", "b"]})
    wanted = {
        "lead_id": lead_id,
        "changes": {"status": "qualified", "company": "New"},
        "add_tags": ["c"],
        "remove_tags": ["A"],
    }
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        shown = await call(client, "update_lead", **wanted)
        assert (shown["dry_run"], shown["count"], shown["before"]["status"]) == (True, 1, "new")
        assert shown["after"]["untrusted"] == {"company": "New", "tags": ["b", "c"]}
        assert agent_site.lead(lead_id)["status"] == "new"
        done = await call(client, "update_lead", **wanted, confirm_token=shown["confirm_token"])
    assert (done["done"], done["count"], done["write_budget_left"]) == (True, 1, 199)
    assert "change_id" in done["undo"]
    lead = agent_site.lead(lead_id)
    assert (lead["status"], lead["company"], sorted(lead["tags"])) == ("qualified", "New", ["b", "c"])


async def test_a_wrong_used_or_foreign_token_and_other_arguments_change_nothing(agent_site: AgentSite) -> None:
    lead_id, other_id = agent_site.make_leads({"email": "joan@example.com"}, {"email": "jean@example.com"})
    wanted: dict[str, Any] = {"lead_id": lead_id, "changes": {"starred": True}}
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        token = (await call(client, "update_lead", **wanted))["confirm_token"]
        for other in ({"lead_id": other_id}, {"changes": {"starred": True, "status": "lost"}}, {"add_tags": ["x"]}):
            assert "another call" in await refusal_of(client, "update_lead", **{**wanted, **other}, confirm_token=token)
        assert "none of this server" in await refusal_of(client, "update_lead", **wanted, confirm_token="lhc_e30.x")
        assert not agent_site.lead(lead_id)["starred"]
        await call(client, "update_lead", **wanted, confirm_token=token)
        assert "used already" in await refusal_of(client, "update_lead", **wanted, confirm_token=token)
    async with agent_of(agent_site.url, agent_site.key, "on") as another_server:
        assert "none of this" in await refusal_of(another_server, "update_lead", **wanted, confirm_token=token)
    assert (agent_site.lead(other_id)["starred"], agent_site.lead(lead_id)["status"]) == (False, "new")


async def test_an_old_token_changes_nothing(agent_site: AgentSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation_tokens, "VALID_SECONDS", -1)
    (lead_id,) = agent_site.make_leads({"email": "old@example.com"})
    wanted = {"lead_id": lead_id, "changes": {"starred": True}}
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        token = (await call(client, "update_lead", **wanted))["confirm_token"]
        assert "five minutes old" in await refusal_of(client, "update_lead", **wanted, confirm_token=token)
    assert agent_site.lead(lead_id)["starred"] is False


async def test_what_changed_since_the_dry_run_is_not_overwritten(agent_site: AgentSite) -> None:
    (lead_id,) = agent_site.make_leads({"email": "hedy@example.com"})
    wanted = {"lead_id": lead_id, "changes": {"company": "Agent's"}}
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        token = (await call(client, "update_lead", **wanted))["confirm_token"]
        with agent_site.client() as person:
            person.leads.update(lead_id, {"company": "Person's"})
        assert "not what the dry run has shown" in await refusal_of(
            client, "update_lead", **wanted, confirm_token=token
        )
    assert agent_site.lead(lead_id)["company"] == "Person's"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_person_is_asked_and_decides(agent_site: AgentSite, mode: str) -> None:
    (lead_id,) = agent_site.make_leads({"email": f"asked-{mode}@example.com"})
    wanted = {"lead_id": lead_id, "changes": {"status": "lost"}}
    for agrees, status in ((False, "new"), (True, "lost")):
        person = AskedPerson(agrees)
        async with agent_of(agent_site.url, agent_site.key, "asked", person=person, mode=mode) as client:
            assert (await call(client, "whoami"))["asks_person_before_writing"] is True
            token = (await call(client, "update_lead", **wanted))["confirm_token"]
            assert person.questions == []
            answer = await call(client, "update_lead", **wanted, confirm_token=token)
            assert answer["done"] is agrees
            assert len(person.questions) == 1
            assert {f"lead_id = {lead_id}", 'status = "lost"'} < set(person.questions[0].splitlines())
            assert "used already" in await refusal_of(client, "update_lead", **wanted, confirm_token=token)
        assert agent_site.lead(lead_id)["status"] == status


async def test_nothing_is_changed_where_the_person_must_be_asked_and_cannot(agent_site: AgentSite) -> None:
    (lead_id,) = agent_site.make_leads({"email": "rosalind@example.com"})
    async with agent_of(agent_site.url, agent_site.key, "asked") as client:
        said = await refusal_of(client, "update_lead", lead_id=lead_id, changes={"starred": True})
    assert "cannot show questions" in said


async def test_emails_phones_and_unknown_fields_are_left_alone(agent_site: AgentSite) -> None:
    (lead_id,) = agent_site.make_leads({"email": "mileva@example.com"})
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        for field in ("email", "phone", "custom_fields", "lead_score"):
            assert field in await refusal_of(client, "update_lead", lead_id=lead_id, changes={field: "x"})
        assert "Say what to change" in await refusal_of(client, "update_lead", lead_id=lead_id)


async def test_the_budget_ends_changes_and_says_so(agent_site: AgentSite) -> None:
    ids = agent_site.make_leads({"email": "ida@example.com"}, {"email": "lise@example.com"})
    calls = [{"lead_id": lead_id, "changes": {"starred": True}} for lead_id in ids]
    async with agent_of(agent_site.url, agent_site.key, "on", budget=1) as client:
        tokens = [(await call(client, "update_lead", **wanted))["confirm_token"] for wanted in calls]
        done = await call(client, "update_lead", **calls[0], confirm_token=tokens[0])
        assert done["write_budget_left"] == 0
        assert "0 are left" in await refusal_of(client, "update_lead", **calls[1], confirm_token=tokens[1])
        assert "0 are left" in await refusal_of(client, "merge_leads", lead_id=ids[0], merged_lead_id=ids[1])
        assert (await call(client, "whoami"))["write_budget_left"] == 0
    assert [agent_site.lead(lead_id)["starred"] for lead_id in ids] == [True, False]


async def test_merges_and_tasks_are_undone(agent_site: AgentSite) -> None:
    stays, goes = agent_site.make_leads(
        {"email": "ellen@example.com"}, {"email": "e.ochoa@example.com", "company": "NASA"}
    )
    async with agent_of(agent_site.url, agent_site.key, "on") as client:

        async def twice(tool: str, **arguments: Any) -> dict[str, Any]:
            shown = await call(client, tool, **arguments)
            return await call(client, tool, **arguments, confirm_token=shown["confirm_token"])

        merged = await twice("merge_leads", lead_id=stays, merged_lead_id=goes)
        assert agent_site.lead(goes)["id"] == stays
        restored = await twice("undo", kind="merge", id=merged["merge_id"], lead_id=stays)
        assert restored["restored"]["id"] == goes
        assert agent_site.lead(goes)["company"] == "NASA"
        task = (await twice("create_task", title="Call Ellen", lead_id=stays, due_at="2027-01-02T10:00:00Z"))["task"]
        assert (task["lead_id"], task["done_at"]) == (stays, None)
        assert (await twice("undo", kind="task", id=task["id"]))["task"]["done_at"] is not None
        assert "no merge" in await refusal_of(client, "undo", kind="merge", id=10**9, lead_id=stays)
        assert "lead_id" in await refusal_of(client, "undo", kind="merge", id=1)


async def test_an_import_is_undone(agent_site: AgentSite) -> None:
    with agent_site.client() as person:
        started = person.import_leads("people.csv", b"First name,E-mail\nDorothy,dorothy@example.com\n")
        until(lambda: person.imports.get(started["id"])["state"] == "done", what="the import")
        wanted = {"kind": "import", "id": started["id"]}
        async with agent_of(agent_site.url, agent_site.key, "on") as client:
            shown = await call(client, "undo", **wanted)
            assert (shown["count"], shown["import"]["created"]) == (1, 1)
            assert person.leads.list(email="dorothy@example.com").count() == 1
            await call(client, "undo", **wanted, confirm_token=shown["confirm_token"])
        until(lambda: person.leads.list(email="dorothy@example.com").count() == 0, what="the undo")
