"""The webhook subscriptions that an event of the outbox concerns. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.workers.outbox.outbox_event import OutboxEvent
from shared.leads.lead_events import EventFact
from shared.leads.submission import LeadKey
from shared.outbound.webhook_events import WebhookEvent

SUBSCRIBABLE_EVENTS = frozenset(
    "lead.created lead.updated lead.deleted lead.merged lead.unmerged lead.duplicate lead.stage_changed lead.assigned "
    "tag.added form.submitted".split()
)
ALL_EVENTS = "*"
LeadView = Mapping[str, Any]  # a lead as the API shows it


class ActiveSubscription(NamedTuple):
    """A webhook subscription to some events."""

    id: int
    events: frozenset[str]
    filters: Mapping[str, Any] | None = None
    filter_expression: str | None = None


class WebhookNotice(NamedTuple):
    """A fact of an event that a subscription is told of."""

    event: OutboxEvent
    fact: EventFact
    subscription: ActiveSubscription


class FilterFailure(NamedTuple):
    """A filter that gave neither true nor false for an event, and why. `expression` is its text."""

    workspace_id: int
    subscription_id: int
    expression: str
    error: str


def subscribers_to(event_type: str, subscriptions: Sequence[ActiveSubscription]) -> list[ActiveSubscription]:
    """Return the subscriptions to an event. Their filters are judged with the lead, which is not known here."""
    if event_type not in SUBSCRIBABLE_EVENTS:
        return []
    return [one for one in subscriptions if event_type in one.events or ALL_EVENTS in one.events]


def webhook_event(event: OutboxEvent, fact: EventFact, leads: Mapping[LeadKey, LeadView]) -> WebhookEvent:
    """Return a fact of an event as webhooks tell it."""
    if fact.type == "lead.deleted":
        lead, data = fact.data.get("lead") or {"id": event.lead_id}, {}
    else:
        lead, data = leads.get(event.lead_key, {"id": event.lead_id}), fact.data
    return WebhookEvent(fact.type, event.occurred_at, event.lead_id, lead, data)
