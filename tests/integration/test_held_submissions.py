"""Visitors' submissions on their way through a worker: held without a lead, released, and from where they were sent."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from services.workers.maintenance import run_hourly_maintenance
from services.workers.retention.installation_retention import VISITOR_DAYS
from shared.accounting import ledger
from shared.intake.journal import JournalItem
from shared.jobs.job_kinds import JobKind
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection
from shared.platform.ids import idempotency_uuid, now_ms, uuid7
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.jobs import run_job
from tests.support.leads import rows

pytestmark = pytest.mark.integration

SPAM = {"score": 110, "reasons": [{"code": "honeypot", "points": 100, "text": "A field was filled in."}]}
VISITOR = {"address": "2001:db8::7", "user_agent": "Mozilla/5.0 \u2713"}
SHOWN = "SELECT state, lead_id IS NULL, spam FROM submissions ORDER BY received_at, id"


def sent(workspace: int, lead: Mapping[str, Any], key: str | None = None, **part: Any) -> JournalItem:
    """A submission of form 7, as the gateway makes it of a visitor's post."""
    at = now_ms()
    form = {"id": 7, "version": 2, "values": {"a": "b"}, "policy": None, **part}
    body = json.dumps({**lead, "_form": form}).encode()
    id_ = idempotency_uuid(workspace, "form:7", key) if key else uuid7(at)
    body_hash = f"{abs(hash(json.dumps(lead))):032x}" if key else None
    return JournalItem(id_, at, workspace, "form:7", "form", body, None, body_hash)


async def released(connection: Connection, url: str, workspace: int) -> None:
    for filters in ({}, {"unconfirmed": True}):
        job = await run_job(connection, workspace, "release", filters=filters)
    assert job["failed"] == 0
    await drain(url)


async def test_held_submissions_make_no_lead_among_those_that_do(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    held = [sent(workspace, {"email": f"h{n}@example.com"}, is_held=True, spam=SPAM) for n in range(3)]
    waiting = sent(workspace, {"email": "w@example.com"}, is_unconfirmed=True)
    ordinary = [item(workspace, {"email": "a@example.com"}), sent(workspace, {"email": "b@example.com"})]
    await accept(database, [held[0], ordinary[0], held[1], waiting, ordinary[1], held[2]])
    assert await drain(database_url) == 6
    assert await rows(database, "SELECT email FROM leads ORDER BY email") == [("a@example.com",), ("b@example.com",)]
    stored = await rows(database, "SELECT state, count(*), bool_and(lead_id IS NULL) FROM submissions GROUP BY 1")
    assert sorted(stored) == [("done", 2, False), ("quarantined", 4, True)]
    [(unconfirmed,)] = await rows(database, "SELECT spam FROM submissions WHERE id = %s", waiting.id)
    assert (unconfirmed["score"], [reason["code"] for reason in unconfirmed["reasons"]]) == (0, ["unconfirmed"])
    assert await rows(database, "SELECT count(*) FROM activities") == [(2,)]
    state = await ledger.read_ledger(database, None)
    assert (state["quarantined"], state["done"], ledger.count_unaccounted(state)) == (4, 2, 0)


async def test_whoever_has_to_confirm_is_taken_by_no_job_over_all(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    waiting = sent(workspace, {"email": "w@example.com"}, is_unconfirmed=True)
    await accept(database, [waiting, sent(workspace, {"email": "h@example.com"}, is_held=True, spam=SPAM)])
    await drain(database_url)
    kinds: tuple[JobKind, ...] = ("release", "reject")
    for kind in kinds:
        assert await count_targets(database, kind, workspace, {}) == 1
        assert await count_targets(database, kind, workspace, {"ids": [waiting.id]}) == 1  # if it is named
    await run_job(database, workspace, "reject", filters={})
    assert await rows(database, "SELECT id::text FROM submissions WHERE rejected_at IS NULL") == [(waiting.id,)]


async def test_release_keeps_the_score_and_the_time(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    held = sent(workspace, {"email": "h@example.com"}, is_held=True, spam=SPAM)
    plain = sent(workspace, {"email": "w@example.com"}, is_unconfirmed=True)
    await accept(database, [held, plain, item(workspace, {"email": "h@example.com"})])
    await drain(database_url)
    before = await rows(database, "SELECT id, received_at FROM submissions ORDER BY id")
    await released(database, database_url, workspace)
    assert await rows(database, "SELECT id, received_at FROM submissions ORDER BY id") == before
    assert {row[0] for row in await rows(database, SHOWN)} == {"done"}
    assert await rows(database, "SELECT spam FROM submissions WHERE id = %s", held.id) == [(SPAM,)]
    assert await rows(database, "SELECT spam FROM submissions WHERE id = %s", plain.id) == [(None,)]
    assert await rows(database, "SELECT count(*) FROM leads") == [(2,)]
    entries = await rows(database, "SELECT data->>'form_id' FROM activities WHERE data ? 'form_id'")
    assert entries == [("7",), ("7",)]
    state = await ledger.read_ledger(database, None)
    assert (state["quarantined"], state["done"], ledger.count_unaccounted(state)) == (0, 3, 0)


async def test_a_redelivered_or_repeated_one_is_held_once(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    once = sent(workspace, {"email": "h@example.com"}, is_held=True, spam=SPAM, visitor=VISITOR)
    keyed = [sent(workspace, {"email": "k@example.com"}, "key", is_held=True, spam=SPAM) for _ in range(2)]
    for _ in range(2):
        await accept(database, [once, *keyed, item(workspace, {"email": "a@example.com"})])
        await drain(database_url)
    assert await rows(database, "SELECT state, count(*) FROM submissions GROUP BY 1 ORDER BY 1") == [
        ("done", 2),
        ("quarantined", 2),
    ]
    await released(database, database_url, workspace)
    await accept(database, [once, keyed[0]])  # once more, when they are leads
    await drain(database_url)
    assert await rows(database, "SELECT state, count(*) FROM submissions GROUP BY 1") == [("done", 4)]
    assert await rows(database, "SELECT count(*) FROM leads") == [(3,)]
    assert ledger.count_unaccounted(await ledger.read_ledger(database, None)) == 0


async def test_the_visitor_is_kept_apart_and_not_as_long(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    came = [
        sent(workspace, {"email": "a@example.com"}, visitor=VISITOR),
        sent(workspace, {"email": "b@example.com"}, visitor={"address": "203.0.113.9"}, is_held=True, spam=SPAM),
    ]
    await accept(database, came)
    await drain(database_url)
    assert await rows(database, "SELECT host(address), user_agent FROM submission_visitors ORDER BY user_agent") == [
        (VISITOR["address"], VISITOR["user_agent"]),
        ("203.0.113.9", None),
    ]
    for (payload,) in await rows(database, "SELECT payload FROM submissions"):
        assert b"visitor" not in payload
        assert json.loads(payload)["_form"]["values"] == {"a": "b"}
    await database.execute(
        "UPDATE submission_visitors SET created_at = now() - make_interval(days => %s) WHERE user_agent IS NULL",
        (VISITOR_DAYS + 1,),
    )
    await run_hourly_maintenance(database, datetime.now(UTC), 90)
    assert await rows(database, "SELECT count(*) FROM submission_visitors") == [(1,)]


async def test_a_scored_submission_beside_ordinary_ones(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    scored = {"score": 10, "reasons": [{"code": "token_missing", "points": 10, "text": "No token."}]}
    await accept(
        database,
        [
            item(workspace, {"email": "a@example.com"}),
            sent(workspace, {"email": "b@example.com"}, spam=scored),
            sent(workspace, {"email": "a@example.com"}),
        ],
    )
    await drain(database_url)
    assert sorted(await rows(database, "SELECT is_duplicate, spam FROM submissions"), key=str) == [
        (False, None),
        (False, scored),
        (True, None),
    ]


async def test_attribution_of_first_and_last_touch(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    for campaign in ("one", "two"):
        last, first = {"utm_campaign": campaign}, {"utm_campaign": f"before {campaign}"}
        await accept(database, [sent(workspace, {"email": "a@example.com"}, attribution=last, first_touch=first)])
        await drain(database_url)
    shown = "SELECT first->>'utm_campaign', last->>'utm_campaign' FROM lead_attributions"
    assert await rows(database, shown) == [("before one", "two")]
