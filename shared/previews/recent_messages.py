"""The last events of a workspace in the shape of webhooks: of its feed, otherwise of the timelines of its leads."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from shared.automations.recent_events import read_recent_facts
from shared.leads.lead_records import read_leads
from shared.outbound.sample_events import sample_event
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection

MAX_READ_BYTES: Final = 4 << 20  # of the bodies of a feed: a lead may be large

# Each type by its index: a rare one is not searched among all others.
NEWEST_OF_FEED_SQL = """
SELECT payload FROM (
    SELECT payload, sum(length(payload)) OVER (ORDER BY position DESC) AS size FROM (
        SELECT found.* FROM unnest(%(events)s::text[]) AS t(event) CROSS JOIN LATERAL (
            SELECT position, payload FROM feed_events WHERE workspace_id = %(w)s AND event = t.event
            ORDER BY position DESC LIMIT %(most)s) found
        ORDER BY position DESC LIMIT %(most)s) newest
) sized WHERE size <= %(bytes)s
"""


async def read_recent_messages(
    connection: Connection, workspace_id: int, events: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """Return the bodies of the last events of these types, newest first. Made-up ones if there was none yet."""
    named = {"w": workspace_id, "events": list(events), "most": most, "bytes": MAX_READ_BYTES}
    rows = await (await connection.execute(NEWEST_OF_FEED_SQL, named)).fetchall()
    recorded: list[dict[str, Any]] = [orjson.loads(bytes(payload)) for (payload,) in rows]
    if len(recorded) < most:  # a feed that began late knows less than the timelines
        told = await _messages_of_timelines(connection, workspace_id, events, most)
        recorded = max(recorded, told, key=len)
    return recorded or [_as_json(sample_event(event, datetime.now(UTC)), (workspace_id, event)) for event in events]


async def _messages_of_timelines(
    connection: Connection, workspace_id: int, events: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """Return events that timelines tell of, each with the lead as it is now."""
    recent = await read_recent_facts(connection, workspace_id, events, most)
    leads = await read_leads(connection, sorted({(workspace_id, event.lead_id) for event, _ in recent}))
    return [
        _as_json(
            WebhookEvent(fact.type, event.entry.at, event.lead_id, leads[workspace_id, event.lead_id], fact.data),
            (workspace_id, fact.type, event.entry.id, number),
        )
        for number, (event, fact) in enumerate(recent)
        if (workspace_id, event.lead_id) in leads
    ]


def _as_json(event: WebhookEvent, key: Sequence[object]) -> dict[str, Any]:
    message_id = f"msg_{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"
    message: dict[str, Any] = orjson.loads(orjson.dumps(event.payload(message_id)))
    return message
