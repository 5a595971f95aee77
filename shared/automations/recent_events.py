"""The last events of a workspace that an automation could have heard of, from the timelines of its leads.

Timelines have no order across leads. The leads that changed or came in last are looked at, and of each its last
entries: so old events of busy leads may be missing, never those of the last minutes.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from shared.automations.past_lead import LeadEntry
from shared.automations.trigger_match import EVENT_BY_TRIGGER, TRIGGER_BY_EVENT, is_of_kind
from shared.leads.lead_events import EventFact, event_facts
from shared.platform.db.connections import Connection

RECENT_LEADS = 300  # that changed last, and as many that came in last
ENTRIES_PER_LEAD = 30  # of each of these leads
MAX_ENTRY_BYTES = 1 << 20  # of all entries: one may tell of large fields
ANY_KIND = "any"  # in place of a trigger's type

RECENT_ENTRIES_SQL = f"""
WITH recent AS (
    SELECT id FROM (SELECT id FROM lead_updates WHERE workspace_id = %(w)s
                    ORDER BY updated_at DESC, id DESC LIMIT {RECENT_LEADS}) changed
    UNION SELECT lead_id FROM (SELECT lead_id FROM submissions WHERE workspace_id = %(w)s
                               ORDER BY received_at DESC LIMIT {RECENT_LEADS}) sent
    WHERE lead_id IS NOT NULL
)
SELECT lead_id, id, type, data, created_at FROM (
SELECT *, sum(octet_length(data::text)) OVER (ORDER BY id DESC) - octet_length(data::text) AS size FROM (
SELECT found.lead_id, found.id, found.type, found.data, found.created_at
FROM recent CROSS JOIN LATERAL (
    SELECT lead_id, id, type, data, created_at FROM activities
    WHERE workspace_id = %(w)s AND lead_id = recent.id ORDER BY id DESC LIMIT {ENTRIES_PER_LEAD}
) found
WHERE found.type LIKE 'lead.%%' AND CASE %(kind)s
    WHEN 'lead_created' THEN found.type = 'lead.created'
    WHEN 'duplicate_received' THEN found.type = 'lead.duplicate'
    WHEN 'form_submitted' THEN found.data ? 'form_id'
    WHEN 'tag_added' THEN found.data ? 'tags_added'
    WHEN 'lead_stage_changed' THEN found.data->'changes' ? 'pipeline_stage_id'
    WHEN 'lead_assigned' THEN found.data ? 'user_id' OR found.data->'changes' ? 'assigned_user_id'
    WHEN 'lead_score_crossed' THEN found.data->'changes' ? 'lead_score'
    ELSE true END
ORDER BY found.id DESC LIMIT 4 * %(most)s
) newest) sized WHERE size < {MAX_ENTRY_BYTES} ORDER BY id DESC
"""


class RecentEvent(NamedTuple):
    """An entry of the timeline of a lead."""

    lead_id: int
    entry: LeadEntry


async def read_recent_events(
    connection: Connection, workspace_id: int, trigger: Mapping[str, Any], most: int
) -> list[RecentEvent]:
    """Return up to `most` events of the kind that a trigger waits for, newest first.

    No event starts an automation by hand or after a time without activity: for these it is the last one of each lead.
    """
    heard = await _read_entries(connection, workspace_id, trigger["type"], most)
    if trigger["type"] in EVENT_BY_TRIGGER:
        return [event for event, facts in heard if is_of_kind(trigger, facts)][:most]
    last = {event.lead_id: event for event, _ in reversed(heard)}
    return sorted(last.values(), key=lambda event: -event.entry.id)[:most]


async def read_recent_facts(
    connection: Connection, workspace_id: int, types: Collection[str], most: int
) -> list[tuple[RecentEvent, EventFact]]:
    """Return up to `most` facts of these types, such as `tag.added`, newest first, each with its entry."""
    kinds = {TRIGGER_BY_EVENT.get(type_, ANY_KIND) for type_ in types}
    kind = kinds.pop() if len(kinds) == 1 else ANY_KIND
    heard = await _read_entries(connection, workspace_id, kind, most)
    return [(event, fact) for event, facts in heard for fact in facts if fact.type in types][:most]


async def _read_entries(
    connection: Connection, workspace_id: int, kind: str, most: int
) -> list[tuple[RecentEvent, list[EventFact]]]:
    values = {"w": workspace_id, "kind": kind, "most": most}
    rows = await (await connection.execute(RECENT_ENTRIES_SQL, values)).fetchall()
    events = [RecentEvent(row[0], LeadEntry(*row[1:])) for row in rows]
    return [(event, facts) for event in events if (facts := event_facts(event.entry.type, event.entry.data))]
