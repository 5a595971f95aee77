"""Leads of which only ids came: fetched once each, also when whoever fetches them dies."""

import asyncio
import uuid

import pytest

from services.workers.source_fetches.fetch_claims import (
    FETCHER_APPLICATION,
    MAX_PARALLEL_FETCHES,
    claim_fetches,
    keep_claims,
    release_orphaned,
)
from services.workers.source_fetches.fetch_records import record_lead, record_problem
from shared.intake.pending_submissions import read_pending
from shared.intake.submission_lookup import find_pending
from shared.integrations.lead_fetching import FetchProblem
from shared.integrations.providers.meta_lead_ads import lead_event_of
from shared.platform.db.connections import as_json, connect
from tests.support.fetching import Fetching, numbered
from tests.support.lead_apis import LINKEDIN_FORM, LeadApis, emails_of, hubspot_contact, linkedin_response, meta_lead
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

SERVER_AGE_SQL = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8"
# As by a commit whose answer was lost.
STORED_TWICE_SQL = """
WITH counted AS (INSERT INTO ledger_deltas (workspace_id, state, n) VALUES (%s, 'accepted', 1))
INSERT INTO journal (lane, n, ids, payload)
SELECT 1, 1, ARRAY[%s::uuid],
       convert_to(json_build_object('gateway', '', 'items', json_build_array(%s::json))::text, 'UTF8')
"""


async def test_notice_becomes_the_lead_that_the_provider_has(fetching: Fetching) -> None:
    integration, [id_] = await fetching.notify_meta(1, tags=["ads"], mapping={"custom_fields.budget": "$.platform"})
    assert await fetching.ledger() == {"accepted": 1, "pending": 1, "done": 0, "dead": 0}
    await fetching.fetch()
    [lead] = await fetching.rows("SELECT first_name, email, source, custom_fields FROM leads")
    assert (lead["first_name"], lead["email"], lead["source"]) == ("Ada", "ada0@example.com", "meta_lead_ads")
    assert lead["custom_fields"]["budget"] == "ig"
    part = (await fetching.payload(id_))["_source"]
    assert part["raw"]["text"] == "the request"
    assert "fetch" not in part
    assert part["attribution"]["campaign_name"] == "Spring"
    assert await fetching.ledger() == {"accepted": 1, "pending": 0, "done": 1, "dead": 0}
    assert await fetching.last_error(integration) is None


async def test_linkedin_form_is_asked_for_once(fetching: Fetching, apis: LeadApis) -> None:
    apis.responses = numbered([linkedin_response(number) for number in range(3)])
    apis.forms = {"7002": LINKEDIN_FORM}
    integration = await fetching.integrate("linkedin")
    for id_ in apis.responses:  # one after the other: parallel ones may each miss the form
        await fetching.notify(integration, id_)
        await fetching.ingest()
        await fetching.fetch()
    assert await fetching.emails() == emails_of(3)
    assert {row["first_name"] for row in await fetching.rows("SELECT first_name FROM leads")} == {
        "Ada0",
        "Ada1",
        "Ada2",
    }
    assert apis.count_asked("leadFormResponses/") == 3


async def test_hubspot_contact_is_fetched(fetching: Fetching, apis: LeadApis) -> None:
    apis.contacts = numbered([hubspot_contact(1)])
    integration = await fetching.integrate("hubspot", mapping={"custom_fields.level": "$.properties.level"})
    await fetching.notify(integration, "101")
    await fetching.ingest()
    await fetching.fetch()
    assert await fetching.emails() == ["ada1@example.com"]
    assert "level" in apis.asked[0]  # HubSpot returns named properties only


async def test_repeated_notices_are_dropped_while_the_lead_waits(fetching: Fetching) -> None:
    integration, [id_] = await fetching.notify_meta(1)
    for _ in range(3):
        await fetching.notify(integration, *fetching.apis.leads)
        await fetching.ingest()
    [row] = await fetching.rows("SELECT item FROM source_fetches")
    await fetching.connection.execute(STORED_TWICE_SQL, (integration.workspace_id, id_, as_json(row["item"])))
    await fetching.ingest()
    assert await fetching.ledger() == {"accepted": 1, "pending": 1, "done": 0, "dead": 0}
    await fetching.fetch()
    await fetching.notify(integration, *fetching.apis.leads)
    await fetching.ingest()
    assert await fetching.ledger() == {"accepted": 1, "pending": 0, "done": 1, "dead": 0}


async def test_worker_that_dies_with_a_lead_in_hand_loses_and_doubles_nothing(fetching: Fetching) -> None:
    integration, ids = await fetching.notify_meta(3)
    async with connect(fetching.url, FETCHER_APPLICATION) as dying:
        claimed = await claim_fetches(dying, in_flight={})
        assert len(claimed) == 3
        assert await release_orphaned(fetching.connection) == 0
    await fetching.fetch()
    assert await fetching.emails() == []
    await until_async(lambda: is_released(fetching, 3), what="that the leads are free again")
    await fetching.fetch()
    assert await fetching.emails() == emails_of(3)
    # The first worker was slow, not dead: it comes back, and decides nothing.
    event = lead_event_of(next(iter(fetching.apis.leads.values())))
    assert not await record_lead(fetching.connection, claimed[0], integration, event)
    await record_problem(fetching.connection, claimed[1], FetchProblem("gone", "Gone."))
    await fetching.ingest()
    assert await fetching.ledger() == {"accepted": 3, "pending": 0, "done": 3, "dead": 0}
    assert len(ids) == len(await fetching.states()) == 3


async def test_worker_that_only_lost_its_connection_keeps_what_it_has_in_hand(fetching: Fetching) -> None:
    await fetching.notify_meta(3)
    async with connect(fetching.url, FETCHER_APPLICATION) as lost:
        claimed = await claim_fetches(lost, in_flight={})
    async with connect(fetching.url, "tests") as watching:
        row = await (await watching.execute(SERVER_AGE_SQL)).fetchone()
        assert row is not None
        # As right after the promotion of a standby, where no process id is known.
        assert await release_orphaned(watching, grace=row[0] + 600) == 0
    async with connect(fetching.url, FETCHER_APPLICATION) as found:
        await keep_claims(found, claimed[:2])
        await until_async(lambda: is_released(fetching, 1), what="that the third one is free again")
        assert await release_orphaned(fetching.connection) == 0


async def is_released(fetching: Fetching, n: int) -> bool:
    return await release_orphaned(fetching.connection) == n


async def test_engine_killed_in_the_midst_of_its_requests_loses_nothing(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(8)
    apis.open.clear()
    async with fetching.fetching() as engine:
        await until_async(lambda: apis.most_at_once == MAX_PARALLEL_FETCHES, what="requests under way")
        for task in list(engine._in_flight):
            task.cancel()
        await asyncio.gather(*list(engine._in_flight), return_exceptions=True)
        apis.open.set()
    await fetching.make_due()
    for _ in range(2):
        await fetching.fetch()
        await fetching.make_due()
    assert await fetching.emails() == emails_of(8)
    assert await fetching.ledger() == {"accepted": 8, "pending": 0, "done": 8, "dead": 0}


async def test_many_engines_fetch_each_lead_once(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(60)
    apis.add_trouble(500, 429, 500, headers={"Retry-After": "1"})
    async with fetching.fetching() as one, fetching.fetching() as another, fetching.fetching() as third:

        def are_many_asked() -> bool:
            for engine in (one, another, third):
                engine.wake()  # as a hint does
            return len(apis.asked) >= 50

        await until_async(are_many_asked, what="requests")
    for _ in range(3):
        await fetching.make_due()
        await fetching.fetch()
    assert await fetching.emails() == emails_of(60)
    assert await fetching.ledger() == {"accepted": 60, "pending": 0, "done": 60, "dead": 0}


async def test_waiting_lead_is_shown_as_accepted(fetching: Fetching, apis: LeadApis) -> None:
    integration, [id_] = await fetching.notify_meta(1)
    apis.add_trouble(500)
    await fetching.fetch()
    found = await find_pending(fetching.connection, integration.workspace_id, uuid.UUID(id_))
    assert found is not None
    assert (found.record["state"], found.record["attempts"]) == ("accepted", 1)
    assert found.record["payload"] == {"page_id": "1", "form_id": "7001"}
    assert found.record["warnings"] == ["Meta answered 500."]
    [listed] = await read_pending(fetching.connection, integration.workspace_id, {})
    assert listed["id"] == id_
    assert await find_pending(fetching.connection, integration.workspace_id + 1, uuid.UUID(id_)) is None


async def test_test_lead_makes_no_lead(fetching: Fetching, apis: LeadApis) -> None:
    integration = await fetching.integrate("meta_lead_ads")
    lead = meta_lead(0)
    lead["field_data"] = [{"name": "email", "values": ["test@meta.com"]}]
    apis.leads = {lead["id"]: lead}
    await fetching.notify(integration, lead["id"])
    await fetching.ingest()
    await fetching.fetch()
    assert await fetching.states() == ["done"]
    assert await fetching.emails() == []
    assert await fetching.ledger() == {"accepted": 1, "pending": 0, "done": 1, "dead": 0}
