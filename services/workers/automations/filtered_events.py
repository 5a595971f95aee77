"""What events cause, with the webhooks that filters let pass. Events without time for filters go back to the outbox."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from services.workers.automations.event_subscribers import MatchedEvents, WorkspaceRules, match_events
from services.workers.automations.told_leads import read_told_leads
from services.workers.outbox.event_claims import put_back
from services.workers.outbox.filter_round import FilterRound
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import LeadView, WebhookNotice
from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection

CHUNK_SIZE = 10  # events whose leads are read at once, since leads may be large and time may run out


async def match_filtered(
    connection: Connection, events: Sequence[OutboxEvent], rules: Mapping[int, WorkspaceRules], turn: FilterRound
) -> MatchedEvents:
    """Return the consequences of the events that are in this round. The others are put back."""
    matched = match_events(events, rules)
    if not turn.late_ids and not any(notice.subscription.filter_expression for notice in matched.webhooks):
        return matched
    leads = await _judge(connection, events, matched, turn)
    late = [event for event in events if event.id in turn.late_ids]
    if late:
        await put_back(connection, late)
        matched = match_events([event for event in events if event.id not in turn.late_ids], rules)
    judged = [turn.judged[event.id] for event in events if event.id in turn.judged]
    matched.webhooks = [notice for one in judged for notice in one.notices]
    matched.filter_failures = [failure for one in judged for failure in one.failures]
    matched.read_leads = leads
    return matched


async def _judge(
    connection: Connection, events: Sequence[OutboxEvent], matched: MatchedEvents, turn: FilterRound
) -> dict[LeadKey, LeadView]:
    """Judge the events in their order, as long as there is time. Return the leads that were read."""
    notices: defaultdict[int, list[WebhookNotice]] = defaultdict(list)
    for notice in matched.webhooks:
        notices[notice.event.id].append(notice)
    leads: dict[LeadKey, LeadView] = {}
    remaining = [event for event in events if event.id not in turn.judged]
    while remaining := [event for event in remaining if turn.admits(event)]:
        part, remaining = remaining[:CHUNK_SIZE], remaining[CHUNK_SIZE:]
        concerned = {
            event.lead_key
            for event in part
            if any(notice.subscription.filter_expression for notice in notices[event.id])
        }
        leads = await read_told_leads(connection, concerned, leads)
        for event in part:
            if turn.admits(event):
                turn.judge(event, notices[event.id], leads)
    return leads
