"""Tools that read, in memory in front of a running LeadHub: what is listed, what is told, what is noted."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.mcp_server.tool_catalogue import OFFERED_TOOLS
from tests.integrations.agent_clients import AgentSite, agent_of, call, refusal_of
from tests.support.stack import Stack
from tests.support.waiting import until

SNAPSHOT = Path(__file__).parents[1] / "corpora/agents/tools.json"
WRITES = {tool.name for tool in OFFERED_TOOLS if tool.is_write}
NEVER = ("delete", "erase", "key", "webhook", "retention", "email_", "url", "http", "secret", "password", "address")


@pytest.fixture(scope="module")
def agent_site(shared_stack: Stack) -> AgentSite:
    return AgentSite.make(shared_stack)


@pytest.fixture(autouse=True)
def new_key(agent_site: AgentSite) -> None:
    """No test uses up the calls of another."""
    agent_site.key = agent_site.make_key("*")


async def test_the_list_of_tools_is_the_one_that_was_looked_at(agent_site: AgentSite) -> None:
    """After a wanted change, write what this test shows into the file."""
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        listed = (await client.list_tools()).tools
    told = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    assert told == json.loads(SNAPSHOT.read_text()), json.dumps(told, indent=1)


async def test_tools_are_few_named_and_never_dangerous(agent_site: AgentSite) -> None:
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        listed = (await client.list_tools()).tools
        assert "untrusted" in (client.instructions or "")
    assert len(listed) <= 20
    for tool in listed:
        names = (tool.name, *tool.input_schema["properties"])
        assert not [name for name in names for word in NEVER if word in name], names
        assert "approval" not in tool.input_schema["properties"]
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (tool.name not in WRITES)


@pytest.mark.parametrize(
    ("scopes", "writes", "names"),
    [
        ("submit:leads", "on", {"whoami"}),
        ("read:tags", "on", {"whoami", "list_tags"}),
        (
            "read:leads write:leads",
            "off",
            {"whoami", "find_leads", "get_lead", "lead_timeline", "lead_duplicates"},
        ),
        ("read:operations", "asked", {"whoami", "dead_or_held", "explain_submission", "health", "follow_job"}),
    ],
)
async def test_scopes_and_the_server_hide_tools(
    agent_site: AgentSite, scopes: str, writes: str, names: set[str]
) -> None:
    async with agent_of(agent_site.url, agent_site.make_key(scopes), writes) as client:  # type: ignore[arg-type]
        assert {tool.name for tool in (await client.list_tools()).tools} == names
        for hidden in {tool.name for tool in OFFERED_TOOLS} - names:
            needed = {"lead_id": 1, "automation_id": 1, "job_id": 1, "title": "x", "merged_lead_id": 2, "id": 1}
            said = await refusal_of(client, hidden, **needed, action="replay", kind="task", submission_id="x")
            assert "scopes" in said or "only reads" in said, (hidden, said)


async def test_all_reading_tools_answer(agent_site: AgentSite) -> None:
    lead_id, other_id = agent_site.make_leads(
        {"email": "grace@example.com", "company": "Navy", "tags": ["vip"]}, {"email": "grace.hopper@example.com"}
    )
    async with agent_of(agent_site.url, agent_site.key) as client:
        me = await call(client, "whoami")
        assert (me["writes"], me["write_budget_left"], me["scopes"]) == ("off", 0, ["*"])
        found = await call(client, "find_leads", email="grace@example.com")
        assert (found["total"], found["leads"][0]["id"]) == (1, lead_id)
        lead = (await call(client, "get_lead", lead_id=lead_id))["lead"]
        assert (lead["status"], lead["untrusted"]["company"], lead["untrusted"]["tags"]) == ("new", "Navy", ["vip"])
        timeline = await call(client, "lead_timeline", lead_id=lead_id)
        assert "lead.created" in {one["type"] for one in timeline["activities"]}
        pairs = (await call(client, "lead_duplicates", lead_id=other_id))["pairs"]
        assert all(other_id in pair["lead_ids"] for pair in pairs)
        for name in ("pipelines", "tags", "users", "automations"):
            listed = await call(client, f"list_{name}")
            assert listed["total"] == len(listed[name])
        sources = await call(client, "list_sources")
        assert sources["total"] == len(sources["sources"])
        health = await call(client, "health")
        assert health["ledger"]["pending"] >= 0
        assert {lane["lane"] for lane in health["lanes"]} >= {"automations", "deliveries"}
        assert (await call(client, "dead_or_held"))["failed_or_held"]["submissions"] == 0
        assert (await call(client, "dead_or_held", held=True))["held"] == []


async def test_an_automation_is_explained(agent_site: AgentSite) -> None:
    with agent_site.client() as client:
        steps = [{"action": {"type": "add_tag", "tag": "seen"}}]
        fields: Any = {"name": "Greet", "is_active": True, "trigger": {"type": "lead_created"}, "steps": steps}
        automation = client.automations.create(fields)
    (lead_id,) = agent_site.make_leads({"email": "mary@example.com"})
    async with agent_of(agent_site.url, agent_site.key) as agent:
        told = await call(agent, "explain_automation", automation_id=automation["id"], lead_id=lead_id)
    assert told["explanation"]["lead_id"] == lead_id
    assert told["explanation"]["untrusted"]["why"]
    with agent_site.client() as client:
        client.automations.delete(automation["id"])


async def test_mistakes_are_told_in_the_words_of_the_api(agent_site: AgentSite) -> None:
    async with agent_of(agent_site.url, agent_site.key) as client:
        assert "404" in await refusal_of(client, "get_lead", lead_id=10**9)
        assert "created_after" in await refusal_of(client, "find_leads", created_after="yesterday")
        assert "limit" in await refusal_of(client, "find_leads", limit=51)
        assert "no tool" in await refusal_of(client, "drop_tables")
    async with agent_of(agent_site.url, "lh_wrong") as stranger:
        assert "401" in await refusal_of(stranger, "whoami")


async def test_each_call_stands_in_the_audit_log_without_its_arguments(agent_site: AgentSite) -> None:
    key = agent_site.make_key("read:leads")
    async with agent_of(agent_site.url, key) as client:
        await call(client, "find_leads", email="nobody@example.com")
        await refusal_of(client, "list_tags")
    entries = until(
        lambda: [one for one in agent_site.audit_entries() if one["object_id"] in ("find_leads", "list_tags")][:2],
        what="the entries",
    )
    until(lambda: len({one["object_id"] for one in agent_site.audit_entries()}) >= 2, what="both")
    entry = next(one for one in agent_site.audit_entries() if one["object_id"] == "find_leads")
    assert (entry["actor_kind"], entry["actor_name"], entry["object_kind"]) == ("key", "agent", "tool")
    assert set(entry["after"]) == {"client"}
    assert entry["request_id"].startswith("mcp-")
    assert "nobody@example.com" not in json.dumps(entries)
