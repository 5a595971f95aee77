"""Subscribers are told of what happens to leads, in order, with the lead whole."""

import orjson
import pytest

from services.workers.outbox import filter_round
from shared.leads.lead_records import read_leads
from shared.leads.writes import ChangeCause, delete_lead
from shared.platform.db.connections import Connection, connect
from tests.support.automating import engine, leads, rows, run
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration


async def test_subscribers_are_told_of_every_event_in_order(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    for events in (["*"], ["tag.added", "lead.deleted"]):
        await database.execute(
            "INSERT INTO webhook_subscriptions (workspace_id, url, events, secret) VALUES (%s, 'http://x', %s, '')",
            (workspace, events),
        )
    await leads(database_url, database, {"email": "a@example.com", "first_name": "Ada", "tags": ["vip"]})
    await run(database_url)
    (lead,) = await rows(database, "SELECT id FROM leads")
    async with database.transaction():
        await delete_lead(database, workspace, lead["id"], ChangeCause("api", 1))
    await run(database_url)
    told = await rows(
        database, "SELECT subscription_id AS s, event, convert_from(payload, 'UTF8')::json AS body FROM deliveries"
    )
    assert [(one["s"], one["event"]) for one in told] == [
        (1, "lead.created"),
        (1, "tag.added"),
        (2, "tag.added"),
        (1, "lead.deleted"),
        (2, "lead.deleted"),
    ]
    assert all(one["body"]["lead"]["first_name"] == "Ada" for one in told)
    assert told[1]["body"]["data"] == {"tag": "vip"}


async def test_subscribers_are_told_of_what_they_narrowed_it_to(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    narrow = "INSERT INTO webhook_subscriptions (workspace_id, url, events, secret, filters) "
    for filters in ({"sources": ["Website"]}, {"tag": "VIP"}, {"sources": ["website"], "tag": "none"}):
        values = (workspace, orjson.dumps(filters).decode())
        await database.execute(f"{narrow} VALUES (%s, 'http://x', ARRAY['*'], '', %s)", values)
    await leads(
        database_url,
        database,
        {"email": "a@example.com", "source": "website"},
        {"email": "b@example.com", "source": "fair", "tags": ["vip", "new"]},
    )
    await run(database_url)
    told = await rows(database, "SELECT subscription_id AS s, event FROM deliveries ORDER BY id")
    assert [(one["s"], one["event"]) for one in told] == [(1, "lead.created"), (2, "lead.created"), (2, "tag.added")]


async def test_event_of_a_deleted_lead_carries_its_last_record(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    subscribe = "INSERT INTO webhook_subscriptions (workspace_id, url, events, secret) VALUES (%s, 'http://x', %s, '')"
    await database.execute(subscribe, (workspace, ["lead.created", "tag.added"]))
    await leads(
        database_url,
        database,
        {"email": "gone@example.com", "first_name": "Ada", "tags": ["vip"], "custom_fields": {"size": 7}},
        {"email": "there@example.com"},
    )
    keys = [(workspace, one["id"]) for one in await rows(database, "SELECT id FROM leads ORDER BY id")]
    shown = [orjson.loads(orjson.dumps(record)) for record in (await read_leads(database, keys)).values()]
    gone = next(record for record in shown if record["first_name"])
    async with database.transaction():
        await delete_lead(database, workspace, gone["id"], ChangeCause("api", 1))
    await run(database_url)
    told = [
        one["body"]
        for one in await rows(database, "SELECT convert_from(payload, 'UTF8')::json AS body FROM deliveries")
    ]
    assert sorted(one["event"] for one in told if one["lead"] == gone) == ["lead.created", "tag.added"]
    assert [one["lead"] for one in told if one["lead"] != gone] == [one for one in shown if one != gone]


async def test_events_without_time_for_filters_stay_and_are_told_once_and_in_order(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_round, "WORKSPACE_SECONDS", 0.0)  # one event in each round
    workspace = await workspace_id(database)
    subscribe = "INSERT INTO webhook_subscriptions (workspace_id, url, events, secret, filter_expression) "
    for expression in ("lead.email != null", None):
        await database.execute(f"{subscribe} VALUES (%s, 'http://x', ARRAY['*'], '', %s)", (workspace, expression))
    bodies = [{"email": f"{number % 3}@example.com", "tags": [f"t{number}"]} for number in range(9)]
    for first in range(0, 9, 3):
        await leads(database_url, database, *bodies[first : first + 3])
    waiting = (await rows(database, "SELECT id FROM events ORDER BY id"))[1:]
    async with connect(database_url, "tests engine") as connection:
        assert not await engine().run(connection, seconds=0)
    assert await rows(database, "SELECT id FROM events ORDER BY id") == waiting
    await run(database_url, engines=2)
    assert await rows(database, "SELECT id FROM events") == []
    told = await rows(
        database, "SELECT subscription_id AS s, convert_from(payload, 'UTF8')::json AS body FROM deliveries ORDER BY id"
    )
    for subscription in (1, 2):
        own = [one["body"] for one in told if one["s"] == subscription]
        for lead in {body["lead"]["id"] for body in own}:
            tags = [body["data"]["tag"] for body in own if body["event"] == "tag.added" and body["lead"]["id"] == lead]
            assert tags == [f"t{number}" for number in range(int(tags[0][1:]), 9, 3)]
        assert sum(body["event"] == "tag.added" for body in own) == 9
