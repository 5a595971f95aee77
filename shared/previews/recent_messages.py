"""The last events of a workspace in the shape of webhooks: of its feed, otherwise of the timelines of its leads."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

from shared.automations.recent_events import read_recent_facts
from shared.leads.lead_records import read_leads
from shared.outbound.sample_events import sample_event
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection

MAX_READ_BYTES: Final = 1 << 20  # of messages: a lead may be large. The last one may go beyond it
LEADS_PER_READ: Final = 8

# Each type by its index: a rare one is not searched among all others.
NEWEST_OF_FEED_SQL = """
SELECT payload FROM (
    SELECT payload, sum(length(payload)) OVER (ORDER BY position DESC) - length(payload) AS size FROM (
        SELECT found.* FROM unnest(%(events)s::text[]) AS t(event) CROSS JOIN LATERAL (
            SELECT position, payload FROM feed_events WHERE workspace_id = %(w)s AND event = t.event
            ORDER BY position DESC LIMIT %(most)s) found
        ORDER BY position DESC LIMIT %(most)s) newest
) sized WHERE size < %(bytes)s
"""


class RecentMessages(NamedTuple):
    """Messages, newest first. `is_cut` says that there were more, too large to read."""

    messages: list[dict[str, Any]]
    is_cut: bool = False


async def read_recent_messages(
    connection: Connection, workspace_id: int, events: Sequence[str], most: int
) -> RecentMessages:
    """Return the bodies of the last events of these types, newest first, as many as one megabyte holds.

    Made-up ones if there was none yet.
    """
    named = {"w": workspace_id, "events": list(events), "most": most, "bytes": MAX_READ_BYTES}
    rows = await (await connection.execute(NEWEST_OF_FEED_SQL, named)).fetchall()
    payloads = [bytes(payload) for (payload,) in rows]
    is_large = len(payloads) < most and sum(map(len, payloads)) >= MAX_READ_BYTES
    recorded = RecentMessages([orjson.loads(payload) for payload in payloads], is_large)
    if len(payloads) < most and not is_large:  # a feed that began late knows less than the timelines
        told = await _messages_of_timelines(connection, workspace_id, events, most)
        recorded = max(recorded, told, key=lambda found: len(found.messages))
    if recorded.messages:
        return recorded
    now = datetime.now(UTC)
    return RecentMessages([_as_json(sample_event(event, now), (workspace_id, event)) for event in events])


async def _messages_of_timelines(
    connection: Connection, workspace_id: int, events: Sequence[str], most: int
) -> RecentMessages:
    """Return events that timelines tell of, each with the lead as it is now."""
    recent = await read_recent_facts(connection, workspace_id, events, most)
    messages: list[dict[str, Any]] = []
    size = 0
    for first in range(0, len(recent), LEADS_PER_READ):
        part = recent[first : first + LEADS_PER_READ]
        leads = await read_leads(connection, sorted({(workspace_id, event.lead_id) for event, _ in part}))
        for number, (event, fact) in enumerate(part, start=first):
            if (workspace_id, event.lead_id) in leads and size < MAX_READ_BYTES:
                lead = leads[workspace_id, event.lead_id]
                told = WebhookEvent(fact.type, event.entry.at, event.lead_id, lead, fact.data)
                body = _json_bytes(told, (workspace_id, fact.type, event.entry.id, number))
                size += len(body)
                messages.append(orjson.loads(body))
        if size >= MAX_READ_BYTES:
            return RecentMessages(messages, len(messages) < len(recent))
    return RecentMessages(messages)


def _json_bytes(event: WebhookEvent, key: Sequence[object]) -> bytes:
    message_id = f"msg_{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"
    return orjson.dumps(event.payload(message_id))


def _as_json(event: WebhookEvent, key: Sequence[object]) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(_json_bytes(event, key))
    return message
