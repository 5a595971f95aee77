"""Leads of fifty strangers who try to steer the agent: their texts stand apart, lead nowhere, and change nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.mcp_server.untrusted_text import clean_text
from tests.integrations.agent_clients import AgentSite, agent_of, call, text_of, trusted_texts
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.unit.test_untrusted_text import LIVE

CORPUS: list[dict[str, str]] = json.loads((Path(__file__).parents[1] / "corpora/agents/hostile_texts.json").read_text())
MARK = 12  # characters of a text by which it is found again
# Words of LeadHub's own, which hostile texts also contain.
OWN_TEXTS = ("new", "lead.created", "api")


@pytest.fixture(scope="module")
def hostile_site(shared_stack: Stack) -> AgentSite:
    """A workspace with a lead for each text, in every field that takes it."""
    site = AgentSite.make(shared_stack)
    with site.client() as client:
        leads: Any = [_hostile_lead(number, case["text"]) for number, case in enumerate(CORPUS)]
        client.submit_leads(leads, wait=30)
        until(lambda: client.leads.list().count() == len(CORPUS), what="the leads")
    return site


@pytest.fixture(autouse=True)
def new_key(hostile_site: AgentSite) -> None:
    """No test uses up the calls of another."""
    hostile_site.key = hostile_site.make_key("*")


def _hostile_lead(number: int, text: str) -> dict[str, Any]:
    stored = text.replace("\0", "")
    return {
        "email": f"hostile{number}@example.com",
        "first_name": stored[:100],
        "last_name": stored[:100],
        "company": stored[:200],
        "job_title": stored[:200],
        "notes": stored,
        "source": stored[:100],
        "tags": [stored[:50]],
        "custom_fields": {stored[:60] or "x": stored, "nested": stored},
    }


def _assert_apart(answer: Any) -> None:
    """No text of the corpus stands outside `untrusted`, and none inside is alive."""
    trusted = " ".join(trusted_texts(answer.structured_content))
    for case in CORPUS:
        mark = clean_text(case["text"])[:MARK]
        assert mark in OWN_TEXTS or len(mark) < MARK or mark not in trusted, mark
        assert case["text"][:MARK] not in trusted or case["text"] in OWN_TEXTS
    told = json.loads(text_of(answer))
    assert told == answer.structured_content
    for text in _all_untrusted(told):
        assert not LIVE.search(text), text
        assert len(text) <= 500


def _all_untrusted(value: Any, within: bool = False) -> list[str]:
    if isinstance(value, str):
        return [value] if within else []
    if isinstance(value, dict):
        names = list(value) if within else []
        return names + [
            one for name, part in value.items() for one in _all_untrusted(part, within or name == "untrusted")
        ]
    return [one for part in value for one in _all_untrusted(part, within)] if isinstance(value, list) else []


async def test_texts_of_strangers_stand_apart_in_every_answer(hostile_site: AgentSite) -> None:
    async with agent_of(hostile_site.url, hostile_site.key, "on") as client:
        found = await call(client, "find_leads", limit=50)
        assert len(found["leads"]) == len(CORPUS)
        ids = [lead["id"] for lead in found["leads"]]
        _assert_apart(await client.call_tool("find_leads", {"limit": 50}))
        for lead_id in ids:
            _assert_apart(await client.call_tool("get_lead", {"lead_id": lead_id}))
    async with agent_of(hostile_site.url, hostile_site.make_key("*"), "on") as client:
        for tool in ("list_tags", "list_sources", "lead_duplicates", "whoami", "health"):
            _assert_apart(await client.call_tool(tool, {}))
        timeline = await client.call_tool("lead_timeline", {"lead_id": ids[0]})
        _assert_apart(timeline)
        _assert_apart(
            await client.call_tool("update_lead", {"lead_id": ids[0], "changes": {"company": "X", "notes": "Y"}})
        )
        _assert_apart(await client.call_tool("merge_leads", {"lead_id": ids[0], "merged_lead_id": ids[1]}))


async def test_reading_hostile_texts_changes_nothing(hostile_site: AgentSite) -> None:
    with hostile_site.client() as client:
        before = {lead["id"]: lead["updated_at"] for lead in client.leads.list()}
    async with agent_of(hostile_site.url, hostile_site.key, "on") as agent:
        for lead_id in before:
            await call(agent, "get_lead", lead_id=lead_id)
    with hostile_site.client() as client:
        assert {lead["id"]: lead["updated_at"] for lead in client.leads.list()} == before
        assert client.jobs.list().count() == 0
        assert client.tasks.list().count() == 0


async def test_texts_of_submissions_stand_apart(hostile_site: AgentSite) -> None:
    with hostile_site.client() as client:
        ids = [one["id"] for one in client.submissions.list()][:10]
    async with agent_of(hostile_site.url, hostile_site.key) as agent:
        for submission_id in ids:
            _assert_apart(await agent.call_tool("explain_submission", {"submission_id": submission_id}))
