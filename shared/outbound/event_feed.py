"""The feed of events that clients read by cursor: how events get into it, and the notifications that tell of them.

A position is taken while the feed's row is locked, and the lock is held until the commit. So positions are in the order
of the commits: who has read up to one has missed none below it, however many processes write.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from shared.outbound.deliveries import MAX_INSERT_BYTES, new_message_id
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection
from shared.platform.db.late_notices import send_notices

FEED_CHANNEL: Final = "event_feed"  # payloads are those of `FeedNews`

# In one order, so that two writers of several workspaces do not wait for each other.
LOCK_FEEDS_SQL = """
SELECT workspace_id FROM event_feeds WHERE workspace_id = ANY(%s) AND is_recording ORDER BY workspace_id FOR UPDATE
"""
# A statement of its own, after the lock: it sees the last position that anybody committed.
RECORD_EVENTS_SQL = """
WITH made AS MATERIALIZED (
    SELECT e.*, row_number() OVER (PARTITION BY workspace_id ORDER BY place) AS number
    FROM ROWS FROM (json_to_recordset(%s::json)
                    AS (workspace_id bigint, event text, lead_id bigint, payload json)) WITH ORDINALITY
         AS e(workspace_id, event, lead_id, payload, place)
), moved AS (
    UPDATE event_feeds f SET last_position = f.last_position + counted.n
    FROM (SELECT workspace_id, count(*) AS n, array_agg(DISTINCT event) AS events FROM made GROUP BY 1) counted
    WHERE f.workspace_id = counted.workspace_id
    RETURNING f.workspace_id, f.last_position, f.last_position - counted.n AS before, counted.events
), stored AS (
    INSERT INTO feed_events (workspace_id, position, event, lead_id, payload)
    SELECT workspace_id, m.before + e.number, e.event, e.lead_id, convert_to(e.payload::text, 'UTF8')
    FROM made e JOIN moved m USING (workspace_id)
)
SELECT workspace_id, last_position, events FROM moved
"""


class NewFeedEvent(NamedTuple):
    """An event that a workspace's feed may get."""

    workspace_id: int
    webhook_event: WebhookEvent


class FeedNews(NamedTuple):
    """A notification: a feed has these types of events, up to this position."""

    workspace_id: int
    last_position: int
    events: frozenset[str]

    @classmethod
    def from_payload(cls, payload: bytes) -> "FeedNews":
        """Read what `announce_news` sends."""
        workspace_id, position, events = payload.decode().split(":")
        return cls(int(workspace_id), int(position), frozenset(events.split(",")))

    @property
    def payload(self) -> str:
        """The news as a notification holds them."""
        return f"{self.workspace_id}:{self.last_position}:{','.join(sorted(self.events))}"


async def record_events(connection: Connection, events: Sequence[NewFeedEvent]) -> list[FeedNews]:
    """Write events in this order, at the end of the caller's transaction. Return the news of feeds that record them.

    If there are any the commit must wait for the disk: a reader may not be told of what a crash undoes. The caller
    announces them after it. Others who record for these workspaces wait until the commit.
    """
    if not events:
        return []
    named = sorted({event.workspace_id for event in events})
    recording = {row[0] for row in await (await connection.execute(LOCK_FEEDS_SQL, (named,))).fetchall()}
    news: list[FeedNews] = []
    part: list[bytes] = []
    size = 0
    for row in (orjson.dumps(_event_row(event)) for event in events if event.workspace_id in recording):
        if part and size + len(row) > MAX_INSERT_BYTES:
            news += await _insert_events(connection, part)
            part, size = [], 0
        part.append(row)
        size += len(row)
    if part:
        news += await _insert_events(connection, part)
    return news


async def announce_news(connection: Connection, news: Sequence[FeedNews]) -> None:
    """Notify the processes whose clients wait for events, after the commit. What is lost they find by a look."""
    await send_notices(connection, [(FEED_CHANNEL, one.payload) for one in news])


async def _insert_events(connection: Connection, rows: Sequence[bytes]) -> list[FeedNews]:
    document = (b"[" + b",".join(rows) + b"]").decode()
    moved = await (await connection.execute(RECORD_EVENTS_SQL, (document,))).fetchall()
    return [FeedNews(workspace_id, position, frozenset(events)) for workspace_id, position, events in moved]


def _event_row(event: NewFeedEvent) -> dict[str, Any]:
    what = event.webhook_event
    payload = what.payload(new_message_id())
    return {"workspace_id": event.workspace_id, "event": what.event, "lead_id": what.lead_id, "payload": payload}
