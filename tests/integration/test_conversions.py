"""Conversions from a change of a lead to the platform's answer: engine, deliveries and PostgreSQL are real."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from services.workers.conversions.conversion_queue import queue_conversions
from services.workers.conversions.conversion_triggers import ConversionMatch
from services.workers.retention.installation_retention import DELETE_ORPHANED_CONVERSIONS_SQL
from shared.integrations.conversion_settings import ConversionEvent
from shared.leads.writes import ChangeCause, LeadChange, change_leads, delete_lead
from shared.outbound.deliveries import enqueue_deliveries, trial_event_to_platform
from tests.support.ad_platforms import AdPlatforms, serving_ad_platforms
from tests.support.automating import leads, run
from tests.support.conversions import CONSENT, META_CREDENTIALS, META_LEAD_ID, google_credentials
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

EVENTS = [
    {"created": True, "event": "Lead"},
    {"status": "qualified", "event": "Qualified", "value": 50, "currency": "EUR"},
    {"status": "converted", "event": "Won", "value": 900, "currency": "EUR"},
]
BY_HAND = ChangeCause("user", 1)


@pytest_asyncio.fixture
async def platforms(outbox: Outbox) -> AsyncIterator[AdPlatforms]:
    async with serving_ad_platforms() as found:
        update = {"google_data_manager_url": found.url, "google_accounts_url": f"{found.url}/token"}
        outbox.settings = outbox.settings.model_copy(update={"meta_url": found.url, **update})
        yield found


async def connect_platform(outbox: Outbox, type_: str = "meta_conversions", **settings: Any) -> int:
    """An integration that sends the events above."""
    credentials = META_CREDENTIALS if type_ == "meta_conversions" else google_credentials()
    id_ = await outbox.integrate(type_, **credentials)
    conversions = {"events": EVENTS, "without_consent": "send", **settings}
    statement = "UPDATE integrations SET settings = %s WHERE id = %s"
    await outbox.connection.execute(statement, (Jsonb({"conversions": conversions}), id_))
    return id_


async def add_leads(outbox: Outbox, count: int = 1, /, **attribution: Any) -> list[int]:
    """Leads that came in, with what is known of where they came from."""
    known = await outbox.one("SELECT coalesce(max(id), 0) FROM leads")
    bodies = [{"email": f"ada{known}x{n}@example.com", "first_name": "Ada"} for n in range(count)]
    await leads(outbox.url, outbox.connection, *bodies)
    ids = [row["id"] for row in await outbox.rows("SELECT id FROM leads WHERE id > %s ORDER BY id", known)]
    assert len(ids) == count
    if attribution:
        statement = """INSERT INTO lead_attributions (workspace_id, lead_id, first_at, first, last_at, last)
                       SELECT %s, unnest(%s::bigint[]), now(), %s, now(), %s"""
        values = (outbox.workspace_id, ids, Jsonb(attribution), Jsonb(attribution))
        await outbox.connection.execute(statement, values)
    return ids


async def set_status(outbox: Outbox, status: str, *lead_ids: int) -> None:
    changes = [LeadChange(outbox.workspace_id, id_, cause=BY_HAND, set_fields={"status": status}) for id_ in lead_ids]
    async with outbox.connection.transaction():
        assert await change_leads(outbox.connection, changes) == []


async def work(outbox: Outbox) -> None:
    """Handle the events of leads, and send what came of them until nothing is due."""
    await run(outbox.url)
    await outbox.send()


async def states(outbox: Outbox) -> list[tuple[str, str, str | None]]:
    rows = await outbox.rows("SELECT event, state, reason FROM conversions ORDER BY id")
    return [(row["event"], row["state"], row["reason"]) for row in rows]


async def timeline(outbox: Outbox, lead_id: int) -> list[tuple[str, str | None]]:
    query = "SELECT type, data FROM activities WHERE lead_id = %s AND type LIKE 'conversion.%%' ORDER BY id"
    return [(row["type"], row["data"].get("reason")) for row in await outbox.rows(query, lead_id)]


async def test_each_event_of_a_lead_is_told_once_and_hashed(outbox: Outbox, platforms: AdPlatforms) -> None:
    id_ = await connect_platform(outbox)
    [lead] = await add_leads(outbox, platform="facebook", provider_lead_id=META_LEAD_ID, consent=CONSENT["consent"])
    await set_status(outbox, "qualified", lead)
    await work(outbox)
    assert platforms.names_taken() == ["Lead", "Qualified"]
    for status in ("new", "qualified", "converted"):
        await set_status(outbox, status, lead)
    await work(outbox)
    assert platforms.names_taken() == ["Lead", "Qualified", "Won"]
    assert platforms.repeats == 0
    email = await outbox.one("SELECT email FROM leads WHERE id = %s", lead)
    for event in platforms.taken.values():
        assert event["user_data"]["em"] == [hashlib.sha256(email.encode()).hexdigest()]
        assert event["user_data"]["lead_id"] == int(META_LEAD_ID)
    assert await timeline(outbox, lead) == [("conversion.sent", None)] * 3
    assert {row["integration_id"] for row in await outbox.rows("SELECT * FROM conversions")} == {id_}
    stored = str([await outbox.deliveries(), await outbox.attempts()])
    for word in (email, hashlib.sha256(email.encode()).hexdigest(), META_CREDENTIALS["access_token"], META_LEAD_ID):
        assert word not in stored


async def test_first_status_of_a_lead_counts_even_if_it_has_another_by_then(
    outbox: Outbox, platforms: AdPlatforms
) -> None:
    await connect_platform(
        outbox, events=[{"status": "new", "event": "New"}, {"status": "qualified", "event": "Qualified"}]
    )
    [lead] = await add_leads(outbox)
    await set_status(outbox, "qualified", lead)  # before the engine came to its creation
    await work(outbox)
    assert platforms.names_taken() == ["New", "Qualified"]


async def test_stages_set_off_events(outbox: Outbox, platforms: AdPlatforms) -> None:
    stages = await outbox.rows("SELECT id FROM pipeline_stages ORDER BY position")
    first, second = stages[0]["id"], stages[1]["id"]
    await connect_platform(
        outbox, events=[{"stage_id": first, "event": "First"}, {"stage_id": second, "event": "Second"}]
    )
    [lead] = await add_leads(outbox)
    change = LeadChange(outbox.workspace_id, lead, cause=BY_HAND, set_fields={"pipeline_stage_id": second})
    async with outbox.connection.transaction():
        assert await change_leads(outbox.connection, [change]) == []
    await work(outbox)
    assert platforms.names_taken() == ["First", "Second"]


@pytest.mark.parametrize(
    ("attribution", "settings", "reason"),
    [
        ({}, {"without_consent": "skip"}, "consent_unknown"),
        ({"consent": {"ad_user_data": False}}, {}, "consent_denied"),
        ({"consent": {"ads": True}}, {"without_consent": "skip", "consent_keys": ["ads"]}, None),
        ({"platform": "meta", "provider_lead_id": META_LEAD_ID, "at": "2020-01-01T00:00:00Z"}, {}, "lead_too_old"),
    ],
)
async def test_skipped_events_say_why_on_the_timeline(
    outbox: Outbox, platforms: AdPlatforms, attribution: Any, settings: Any, reason: str | None
) -> None:
    await connect_platform(outbox, events=EVENTS[:1], **settings)
    [lead] = await add_leads(outbox, **attribution)
    await work(outbox)
    assert await states(outbox) == [("Lead", "skipped" if reason else "sent", reason)]
    assert await timeline(outbox, lead) == [("conversion.skipped" if reason else "conversion.sent", reason)]
    assert len(platforms.taken) == (0 if reason else 1)
    [delivery] = await outbox.deliveries()
    assert delivery["state"] == ("cancelled" if reason else "sent")


async def test_consent_that_comes_later_counts_when_the_delivery_is_sent_again(
    outbox: Outbox, platforms: AdPlatforms
) -> None:
    await connect_platform(outbox, events=EVENTS[:1], without_consent="skip")
    [lead] = await add_leads(outbox, platform="facebook")
    await work(outbox)
    await outbox.connection.execute("UPDATE lead_attributions SET last = last || %s", (Jsonb(CONSENT),))
    await outbox.connection.execute(
        "UPDATE deliveries SET state = 'pending', due_at = now(), attempts_before = attempts"
    )
    await outbox.send()
    assert await states(outbox) == [("Lead", "sent", None)]
    assert await timeline(outbox, lead) == [("conversion.skipped", "consent_unknown"), ("conversion.sent", None)]
    assert len(platforms.taken) == 1


async def test_workspace_without_such_an_integration_writes_nothing(outbox: Outbox, platforms: AdPlatforms) -> None:
    await outbox.integrate("slack", webhook_url="http://127.0.0.1:9/x")
    await add_leads(outbox)
    assert await outbox.one("SELECT bool_or(is_watched) FROM rule_versions") is not True
    await work(outbox)
    assert await states(outbox) == []
    id_ = await connect_platform(outbox)
    assert await outbox.one("SELECT is_watched FROM rule_versions") is True
    await outbox.connection.execute("UPDATE integrations SET is_active = false WHERE id = %s", (id_,))
    await add_leads(outbox)
    await work(outbox)
    assert await states(outbox) == []


async def test_one_bad_event_fails_alone_and_all_others_are_taken_once(outbox: Outbox, platforms: AdPlatforms) -> None:
    await connect_platform(outbox, events=[*EVENTS[:1], {"status": "lost", "event": "Bad"}])
    platforms.refused.add("Bad")
    ids = await add_leads(outbox, 30)
    await set_status(outbox, "lost", ids[17])
    await work(outbox)
    assert (len(platforms.taken), platforms.repeats) == (30, 0)
    assert platforms.names_taken() == ["Lead"] * 30
    assert sorted(await states(outbox)) == [("Bad", "failed", None), *[("Lead", "sent", None)] * 30]
    assert sorted(await timeline(outbox, ids[17])) == [("conversion.failed", None), ("conversion.sent", None)]
    found = await outbox.deliveries()
    [failed] = [one for one in found if one["state"] == "failed"]
    assert failed["error"] == "Meta refused the event (error 100, subcode 2804003)."
    assert {one["state"] for one in found} == {"sent", "failed", "cancelled"}


async def test_trouble_is_waited_for_and_repeats_keep_their_ids(outbox: Outbox, platforms: AdPlatforms) -> None:
    await connect_platform(outbox, events=EVENTS[:1])
    platforms.add_trouble(500, 429, headers={"Retry-After": "7"})
    platforms.add_trouble(400, body={"error": {"code": 190}})
    await add_leads(outbox, 3)
    await work(outbox)
    for said in (
        "The receiver answered 500.",
        "Meta takes no more requests for a while.",
        "Meta does not accept the access token (error 190). Enter a new one.",
    ):
        [delivery] = await outbox.deliveries()
        assert (delivery["state"], delivery["error"]) == ("pending", said)
        await outbox.connection.execute("UPDATE endpoints SET open_until = NULL")
        await outbox.make_due()
        await outbox.send()
    assert [state for _, state, _ in await states(outbox)] == ["sent"] * 3
    assert len(platforms.taken) == 3
    assert len(set(platforms.bodies)) == 1  # byte for byte
    assert await outbox.one("SELECT last_error FROM integrations") is None


async def test_deleted_lead_is_not_told_of(outbox: Outbox, platforms: AdPlatforms) -> None:
    await connect_platform(outbox, events=EVENTS[:1])
    gone, kept = await add_leads(outbox, 2)
    await run(outbox.url)
    async with outbox.connection.transaction():
        assert await delete_lead(outbox.connection, outbox.workspace_id, gone, BY_HAND)
    await outbox.send()
    assert len(platforms.taken) == 1
    assert await outbox.one("SELECT array_agg(lead_id) FROM conversions") == [kept]


async def test_integration_that_is_switched_off_or_deleted_sends_nothing(
    outbox: Outbox, platforms: AdPlatforms
) -> None:
    id_ = await connect_platform(outbox, events=EVENTS[:1])
    [lead] = await add_leads(outbox)
    await run(outbox.url)
    await outbox.connection.execute("UPDATE integrations SET is_active = false")
    await outbox.send()
    assert await states(outbox) == [("Lead", "skipped", "integration_off")]
    assert await timeline(outbox, lead) == [("conversion.skipped", "integration_off")]
    assert platforms.asked == []
    assert (await outbox.connection.execute(DELETE_ORPHANED_CONVERSIONS_SQL)).rowcount == 0
    await outbox.connection.execute("DELETE FROM integrations WHERE id = %s", (id_,))
    assert (await outbox.connection.execute(DELETE_ORPHANED_CONVERSIONS_SQL)).rowcount == 1


async def test_many_engines_and_senders_tell_each_event_once(outbox: Outbox, platforms: AdPlatforms) -> None:
    await connect_platform(outbox)
    ids = await add_leads(outbox, 250)
    await set_status(outbox, "qualified", *ids)
    await run(outbox.url, engines=3)
    await asyncio.gather(*[outbox.send() for _ in range(3)])
    assert (len(platforms.taken), platforms.repeats) == (500, 0)
    assert {state for _, state, _ in await states(outbox)} == {"sent"}
    assert len(await outbox.deliveries()) < 20


async def test_batch_has_no_more_events_than_meta_takes(outbox: Outbox, platforms: AdPlatforms) -> None:
    id_ = await connect_platform(outbox)
    statement = """INSERT INTO leads (workspace_id, id, email)
                   SELECT %s, n, n || '@example.com' FROM generate_series(1, 1100) n RETURNING created_at"""
    rows = await (await outbox.connection.execute(statement, (outbox.workspace_id,))).fetchall()
    definition: ConversionEvent = {"created": True, "event": "Lead"}
    matches = [
        ConversionMatch(outbox.workspace_id, lead, 1, rows[0][0], id_, definition) for lead in (*range(1, 1101), 1, 2)
    ]
    async with outbox.connection.transaction():
        assert await queue_conversions(outbox.connection, matches)
        assert not await queue_conversions(outbox.connection, matches)
    await outbox.send()
    assert sorted(len(orjson.loads(body)["data"]) for body in platforms.bodies) == [100, 1000]
    assert len(platforms.taken) == 1100


async def test_google_gets_events_by_action_with_one_token(outbox: Outbox, platforms: AdPlatforms) -> None:
    events = [{"created": True, "event": "Lead"}, {"created": True, "event": "Other", "conversion_action": "5"}]
    await connect_platform(outbox, "google_data_manager", events=events)
    await add_leads(outbox, 2, click_ids={"gclid": "Cj0"}, **CONSENT)
    await work(outbox)
    assert (len(platforms.taken), platforms.count_asked("/token"), platforms.count_asked("/v1/")) == (4, 1, 2)
    actions = {one["destinations"][0]["productDestinationId"] for one in map(orjson.loads, platforms.bodies)}
    assert actions == {"987654321", "5"}
    platforms.google_token = "ya29.another"
    platforms.add_trouble(401)
    await add_leads(outbox, 1, **CONSENT)
    await work(outbox)
    await outbox.connection.execute("UPDATE endpoints SET open_until = NULL")
    await outbox.make_due()
    await outbox.send()
    assert len(platforms.taken) == 6


async def test_event_without_identifiers_is_divided_from_others_at_google(
    outbox: Outbox, platforms: AdPlatforms
) -> None:
    await connect_platform(outbox, "google_data_manager", events=EVENTS[:1])
    ids = await add_leads(outbox, 6, click_ids={"gclid": "Cj0"})
    await outbox.connection.execute("UPDATE leads SET email = NULL WHERE id = %s", (ids[2],))
    await work(outbox)
    assert len(platforms.taken) == 5
    assert [state for _, state, _ in await states(outbox)].count("failed") == 1


@pytest.mark.parametrize("type_", ["meta_conversions", "google_data_manager"])
async def test_trial_event_is_of_nobody_and_counts_nowhere(outbox: Outbox, platforms: AdPlatforms, type_: str) -> None:
    id_ = await connect_platform(outbox, type_, test_event_code="TEST42")
    await enqueue_deliveries(outbox.connection, [trial_event_to_platform(outbox.workspace_id, id_, "Qualified")])
    await outbox.send()
    [delivery] = await outbox.deliveries()
    assert (delivery["state"], len(platforms.tests), platforms.taken) == ("sent", 1, {})
    if type_ == "meta_conversions":
        assert platforms.tests[0]["test_event_code"] == "TEST42"
        assert [one["event_name"] for one in platforms.tests[0]["data"]] == ["Qualified"]
    assert await states(outbox) == []
