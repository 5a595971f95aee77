"""The feed of events: what is recorded in it and for whom, for how long it is kept, and what an erasure takes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg.types.json import Jsonb

from cli.restore import lift_feed_positions
from services.api.event_reads import (
    FeedRequest,
    FeedState,
    begin_feed,
    encode_cursor,
    find_feed,
    note_use,
    read_events,
    start_position,
)
from services.workers.alarms.silent_sources import watch_silences
from services.workers.retention.feed_retention import expire_feeds
from shared import workspaces
from shared.leads.edit import ChangeCause
from shared.outbound.event_feed import FEED_CHANNEL, FeedNews
from shared.people.erasures import ErasureRequest, erase_lead
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Gone, ValidationFailed
from tests.support.automating import SETTINGS, leads, run
from tests.support.erasing import CIPHER, finish_erasures
from tests.support.ingesting import workspace_id
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

ADA = {"email": "ada@example.com", "first_name": "Ada", "tags": ["vip"]}
GRACE = {"email": "grace@example.com", "first_name": "Grace"}
SUBSCRIBE = """
INSERT INTO webhook_subscriptions (workspace_id, url, events, secret) VALUES (%s, 'https://example.com', '{*}', '')
"""
HOOKS = "SELECT payload FROM deliveries WHERE kind = 'webhook' ORDER BY id"
AGE = "UPDATE feed_events SET created_at = now() - %s WHERE workspace_id = %s AND position <= %s"
SILENT_SOURCE = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest, settings, created_at)
VALUES (%s, 'webhook', 'Old', '', '', '', %s, now() - interval '1 day')
"""


async def bodies(connection: Connection, workspace: int, after: int = 0, *types: str, limit: int = 100) -> list[Any]:
    page = await read_events(connection, FeedRequest(workspace, after, types, limit))
    return [orjson.loads(payload) for payload in page.payloads]


async def state(connection: Connection, workspace: int) -> FeedState:
    found = await find_feed(connection, workspace)
    assert found is not None
    return found


async def test_events_are_recorded_from_the_beginning_of_the_feed(database_url: str, database: Connection) -> None:
    ours, other = await workspace_id(database), await workspaces.create_workspace(database, "other", "Other")
    await begin_feed(database, other)
    await leads(database_url, database, GRACE)
    await run(database_url)
    await begin_feed(database, ours)
    await leads(database_url, database, ADA)
    await run(database_url)
    await leads(database_url, database, {**ADA, "company": "Engines"})
    await run(database_url)
    found = await bodies(database, ours)
    assert [body["event"] for body in found] == ["lead.created", "tag.added", "lead.duplicate", "lead.updated"]
    assert found[0].keys() == {"id", "event", "occurred_at", "lead", "data"}
    assert len({body["id"] for body in found}) == len(found)
    assert {body["lead"]["first_name"] for body in found} == {"Ada"}
    assert await bodies(database, other) == []


async def test_body_is_that_of_a_webhook(database_url: str, database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await database.execute(SUBSCRIBE, (ours,))
    await leads(database_url, database, ADA)
    await run(database_url)
    hooks = [orjson.loads(bytes(row[0])) for row in await (await database.execute(HOOKS)).fetchall()]
    assert [{**body, "id": ""} for body in await bodies(database, ours)] == [{**body, "id": ""} for body in hooks]


async def test_types_and_limit_leave_no_event_out(database_url: str, database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await leads(database_url, database, *({"email": f"p{n}@example.com", "tags": [f"t{n}"]} for n in range(5)))
    await run(database_url)
    for types in ((), ("tag.added",), ("tag.added", "lead.created"), ("lead.merged",)):
        whole, after, parts = await bodies(database, ours, 0, *types), 0, []
        while True:
            page = await read_events(database, FeedRequest(ours, after, types, 2))
            if not page.payloads:
                break
            parts += [orjson.loads(payload) for payload in page.payloads]
            after = page.next_position
        assert parts == whole
        assert len(whole) == {(): 10, ("tag.added",): 5, ("tag.added", "lead.created"): 10}.get(types, 0)
        assert page.next_position == (await state(database, ours)).last_position


async def test_notification_tells_of_position_and_types(database_url: str, database: Connection) -> None:
    ours, news = await workspace_id(database), []
    await begin_feed(database, ours)
    async with connect(database_url, "tests listener") as listener:
        listener.add_notify_handler(lambda notify: news.append(FeedNews.from_payload(notify.payload.encode())))
        await listener.execute(f"LISTEN {FEED_CHANNEL}")
        await leads(database_url, database, ADA)
        await run(database_url)

        async def is_told() -> bool:
            await listener.execute("SELECT 1")
            return bool(news)

        await until_async(is_told)
    assert news == [FeedNews(ours, 2, frozenset({"lead.created", "tag.added"}))]


async def test_silence_of_a_source_is_recorded(database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await database.execute(SILENT_SOURCE, (ours, Jsonb({"silence_after_minutes": 60})))
    assert await watch_silences(database, SETTINGS) == 1
    [body] = await bodies(database, ours)
    assert (body["event"], body["lead"], body["data"]["name"]) == ("source.silent", None, "Old")


async def test_old_events_go_and_their_cursors_are_told_the_oldest(database_url: str, database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await leads(database_url, database, *({"email": f"p{n}@example.com"} for n in range(6)))
    await run(database_url)
    await database.execute(AGE, (timedelta(days=31), ours, 4))
    await expire_feeds(database, 30)
    assert len(await bodies(database, ours, 4)) == 2
    feed = await state(database, ours)
    assert (feed.expired_position, feed.last_position) == (4, 6)
    for position in (4, 5, 6):
        assert start_position(encode_cursor(ours, position), ours, feed) == position
    for position in (0, 3, 7):  # also one from after the backup that was restored
        with pytest.raises(Gone) as refused:
            start_position(encode_cursor(ours, position), ours, feed)
        assert refused.value.response_body()["oldest_cursor"] == encode_cursor(ours, 4)
    with pytest.raises(Gone):  # expired while it was read
        await bodies(database, ours, 3)
    for wrong in ("", "x", f"ev-{ours + 1}-4", f"ev-{ours}-", f"ev-{ours}-4x", f"ev-{ours}--4", f"ev-{ours}-{10**30}"):
        with pytest.raises(ValidationFailed):
            start_position(wrong, ours, feed)


async def test_workspace_that_keeps_messages_for_fewer_days_keeps_events_no_longer(
    database_url: str, database: Connection
) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await leads(database_url, database, ADA, GRACE)
    await run(database_url)
    await database.execute("INSERT INTO retention_settings (workspace_id, attempts_days) VALUES (%s, 5)", (ours,))
    await database.execute(AGE, (timedelta(days=6), ours, 2))
    await expire_feeds(database, 30)
    assert (await state(database, ours)).expired_position == 2


async def test_cursor_from_after_a_backup_passes_over_nothing_new(database_url: str, database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await leads(database_url, database, ADA)
    await run(database_url)
    last = (await state(database, ours)).last_position
    lift_feed_positions(database_url)  # as `restore` does; three events came after the backup, and were read
    await leads(database_url, database, GRACE)
    await run(database_url)
    position = start_position(encode_cursor(ours, last + 3), ours, await state(database, ours))
    assert [body["lead"]["first_name"] for body in await bodies(database, ours, position)] == ["Grace"]


async def test_feed_that_nobody_reads_ends_and_begins_again(database_url: str, database: Connection) -> None:
    ours = await workspace_id(database)
    await begin_feed(database, ours)
    await leads(database_url, database, ADA)
    await run(database_url)
    await database.execute("UPDATE event_feeds SET used_at = now() - interval '20 days'")
    assert (await state(database, ours)).needs_note
    await note_use(database, ours)
    assert not (await state(database, ours)).needs_note
    cursor = encode_cursor(ours, (await state(database, ours)).last_position)
    await database.execute("UPDATE event_feeds SET used_at = now() - interval '31 days'")
    await expire_feeds(database, 30)
    assert await find_feed(database, ours) is None
    await leads(database_url, database, GRACE)
    await run(database_url)
    feed = await begin_feed(database, ours)
    with pytest.raises(Gone):  # Grace came in between
        start_position(cursor, ours, feed)
    assert await bodies(database, ours, feed.last_position) == []
    await leads(database_url, database, {"email": "third@example.com"})
    await run(database_url)
    assert len(await bodies(database, ours, feed.last_position)) == 1


@pytest.mark.parametrize("is_finished_first", [True, False])
async def test_erasure_takes_the_events_of_the_person(
    database_url: str, database: Connection, tmp_path: Path, is_finished_first: bool
) -> None:
    """Receivers and readers are told of it, whether the sweeper or the engine comes first."""
    ours = await workspace_id(database)
    await database.execute(SUBSCRIBE, (ours,))
    await begin_feed(database, ours)
    await leads(database_url, database, ADA, GRACE)
    await run(database_url)
    found = await bodies(database, ours)
    ada = next(body["lead"]["id"] for body in found if body["lead"]["first_name"] == "Ada")
    async with database.transaction():
        await erase_lead(database, CIPHER, ours, ada, ErasureRequest(ChangeCause("api", 7), "asked for it"))
    if is_finished_first:
        assert await finish_erasures(database_url, database, tmp_path) == 1
    await run(database_url)
    if not is_finished_first:
        assert await finish_erasures(database_url, database, tmp_path) == 1
    hooks = await (await database.execute(HOOKS)).fetchall()
    for left in (await bodies(database, ours), [orjson.loads(row[0]) for row in hooks]):
        assert [body["event"] for body in left] == ["lead.created", "lead.deleted"]
        assert left[0]["lead"]["first_name"] == "Grace"
        assert {name: value for name, value in left[1]["lead"].items() if value} == {"id": ada}
        assert "ada@example.com" not in str(left)
