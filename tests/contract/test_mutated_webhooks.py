"""Changed, broken and hostile bodies of every provider, signed: never a server error, and nothing of them is lost.

Deterministic. `LEADHUB_FUZZ=500` makes so many of each type.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import strategies as st

from tests.contract.service import Service
from tests.contract.webhook_sources import WebhookSource, make_source, read_outcomes, until_ingested
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.lead_apis import LeadApis
from tests.support.provider_bodies import RecordedBody, recorded_bodies
from tests.support.provider_mutations import drawn_examples, mutated_bodies
from tests.support.provider_signing import PROVEN_IN_BODY, SignedRequest
from tests.support.waiting import until_async

EXAMPLES = int(os.environ.get("LEADHUB_FUZZ", "0")) or 8  # of each type
BODIES: dict[str, list[RecordedBody]] = {}
for one in recorded_bodies():
    BODIES.setdefault(one.type, []).append(one)
STORED_SQL = """
SELECT channel, id::text, state, error FROM submissions s
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %(slug)s)
UNION ALL SELECT 'integration:' || integration_id, id::text, 'fetch', NULL FROM source_fetches
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %(slug)s)
"""
StoredRow = tuple[str, str, str | None]  # id, state, error


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


@dataclass(frozen=True)
class PostedBody:
    """A body that was posted to an integration of its own, so that whatever is counted there is of this body."""

    source: WebhookSource
    sent: SignedRequest
    status: int

    def __str__(self) -> str:
        return f"{self.source.type} {self.status} {self.sent.body[:2000]!r}"


async def post_alone(source: WebhookSource, body: bytes, media_type: str) -> PostedBody:
    sent = source.sign(body, media_type)
    return PostedBody(source, sent, (await source.send(sent)).status)


@pytest.mark.parametrize("type_", BODIES)
async def test_signed_body_of_any_form_is_accounted_for(
    type_: str, ours: Workspace, provider: aiohttp.ClientSession, lead_apis: LeadApis
) -> None:
    lead_apis.leads, lead_apis.responses, lead_apis.contacts = {}, {}, {}  # none of these leads is there
    recorded = st.sampled_from(BODIES[type_])
    pairs = drawn_examples(recorded.flatmap(lambda one: st.tuples(mutated_bodies(one), st.just(one))), EXAMPLES)
    sources = [await make_source(ours, provider, type_, one.settings) for _, one in pairs]
    posts = (post_alone(source, body, one.media_type) for source, (body, one) in zip(sources, pairs, strict=True))
    posted = await asyncio.gather(*posts)
    assert [str(one) for one in posted if one.status not in (200, 401)] == []
    assert [str(one) for one in posted if one.status == 401 and type_ not in PROVEN_IN_BODY] == []
    assert any(one.status == 200 for one in posted)

    await until_ingested(ours, with_fetches=False)
    await until_async(lambda: len(read_outcomes(ours)) == len(posted), what="the counts")
    outcomes, stored = read_outcomes(ours), read_stored(ours)
    for one in posted:
        id_ = one.source.record["id"]
        await assert_accounted(one, outcomes[id_], stored.get(f"integration:{id_}", []))
    await delete_sources(sources)


async def test_unreadable_body_with_nul_is_kept_and_stops_nobody(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    source = await make_source(ours, provider, "typeform")
    body = b'{"event_type": "form_response", "form_response": "\0"}'
    posted = await post_alone(source, body, "application/json")
    [dead] = await source.submissions()
    assert (posted.status, dead["state"], dead["error"].partition(":")[0]) == (200, "dead", "UnreadableBody")
    assert (await ours.ask("GET", f"/submissions/{dead['id']}/raw")).raw == body
    assert await ours.lead()  # that came after it


async def test_signed_fields_with_nul_are_taken(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    source = await make_source(ours, provider, "twilio")
    body = b"MessageSid=SM1&From=%2B16505550123&Body=a%00b"
    assert (await post_alone(source, body, "application/x-www-form-urlencoded")).status == 200
    [one] = await source.submissions()
    assert (one["state"], (await source.lead(one) or {})["phone"]) == ("done", "+16505550123")


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        ("meta_lead_ads", b'{"entry": []}'),
        ("whatsapp", b'{"entry": [{"changes": {"0": {"value": "x"}}}]}'),
        ("tiktok", b'{"object": 1, "entry": []}'),
        ("hubspot", b"[]"),
    ],
)
async def test_signed_body_without_any_item_is_counted(
    type_: str, document: bytes, ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    source = await make_source(ours, provider, type_)
    assert (await post_alone(source, document, "application/json")).status == 200
    await until_async(lambda: read_outcomes(ours) == {source.record["id"]: {"ignored": 1}}, what="the count")
    assert await source.submissions() == []


async def assert_accounted(posted: PostedBody, outcomes: Mapping[str, int], stored: list[StoredRow]) -> None:
    """The body became submissions, one that is dead with its bytes, or was counted as nothing for us."""
    if posted.status == 401:
        assert (stored, sum(outcomes.values())) == ([], 1), posted
        assert all(name.startswith("rejected:") for name in outcomes), posted
        return
    assert outcomes.keys() <= {"received", "ignored", "unreadable"}, posted
    if "unreadable" in outcomes:
        assert [(state, str(error).partition(":")[0]) for _, state, error in stored] == [("dead", "UnreadableBody")]
    else:
        assert {state for _, state, _ in stored} <= {"done", "fetch"}, (str(posted), stored)
        assert ("received" in outcomes) == bool(stored), (str(posted), outcomes)
        assert len(stored) <= outcomes.get("received", 0)
    if stored and stored[0][1] != "fetch":
        raws = [(await posted.source.ours.ask("GET", f"/submissions/{id_}/raw")).raw for id_, *_ in stored]
        assert posted.sent.body in raws, posted


def read_stored(ours: Workspace) -> dict[str, list[StoredRow]]:
    """The submissions of the workspace by channel, with those that wait for their leads to be fetched."""
    found: dict[str, list[StoredRow]] = {}
    with ours.service.stack.database() as database:
        for channel, *row in database.execute(STORED_SQL, {"slug": ours.slug}):
            found.setdefault(channel, []).append((row[0], row[1], row[2]))
    return found


async def delete_sources(sources: list[WebhookSource]) -> None:
    """Delete the integrations, so that leads which nobody has are not asked for again."""
    for source in sources:
        assert (await source.ours.ask("DELETE", f"/integrations/{source.record['id']}")).status == 204
    await until_ingested(sources[0].ours)
