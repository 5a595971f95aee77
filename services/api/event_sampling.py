"""Samples of events in the shape of a webhook: real ones of the workspace, or one that is made up."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from shared.automations.recent_events import RecentEvent, read_recent_events
from shared.automations.trigger_match import TRIGGER_BY_EVENT
from shared.leads.lead_events import event_facts
from shared.leads.lead_records import read_leads
from shared.outbound.sample_events import sample_event
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection

SAMPLES: Final = 3

NEWEST_EVENTS_SQL = f"""
SELECT payload FROM feed_events WHERE workspace_id = %s AND event = %s ORDER BY position DESC LIMIT {SAMPLES}
"""


async def sample_events(connection: Connection, workspace_id: int, event: str) -> list[Any]:
    """Return the bodies of up to three events, newest first: of the feed, of timelines, or one with `test`."""
    rows = await (await connection.execute(NEWEST_EVENTS_SQL, (workspace_id, event))).fetchall()
    recorded: list[Any] = [orjson.Fragment(bytes(payload)) for (payload,) in rows]
    found = recorded or await _events_of_timelines(connection, workspace_id, event)
    return found or [sample_event(event, datetime.now(UTC)).payload(_sample_id(workspace_id, event))]


async def _events_of_timelines(connection: Connection, workspace_id: int, event: str) -> list[Any]:
    """Return events that timelines tell of, each with the lead as it is now."""
    if event not in TRIGGER_BY_EVENT:
        return []
    recent = await read_recent_events(connection, workspace_id, {"type": TRIGGER_BY_EVENT[event]}, SAMPLES)
    leads = await read_leads(connection, [(workspace_id, each.lead_id) for each in recent])
    return [
        _event_body(workspace_id, each, event, leads[workspace_id, each.lead_id])
        for each in recent
        if (workspace_id, each.lead_id) in leads
    ]


def _event_body(workspace_id: int, recent: RecentEvent, event: str, lead: dict[str, Any]) -> dict[str, Any]:
    entry = recent.entry
    fact = next(fact for fact in event_facts(entry.type, entry.data) if fact.type == event)
    body = WebhookEvent(event, entry.at, recent.lead_id, lead, fact.data)
    return body.payload(_sample_id(workspace_id, event, entry.id))


def _sample_id(*parts: object) -> str:
    """Return the same id for the same event: who fetches samples twice sees that they are the same."""
    return f"msg_{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
