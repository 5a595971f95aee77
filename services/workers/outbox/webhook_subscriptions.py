"""The webhook subscriptions that an event of the outbox concerns. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from services.workers.outbox.lead_events import EventFact
from services.workers.outbox.outbox_event import OutboxEvent

SUBSCRIBABLE_EVENTS = frozenset(
    "lead.created lead.updated lead.deleted lead.merged lead.unmerged lead.duplicate lead.stage_changed lead.assigned "
    "tag.added form.submitted".split()
)
ALL_EVENTS = "*"


class ActiveSubscription(NamedTuple):
    """A webhook subscription to some events."""

    id: int
    events: frozenset[str]


class WebhookNotice(NamedTuple):
    """A fact of an event that a subscription is told of."""

    event: OutboxEvent
    fact: EventFact
    subscription_id: int


def subscribers_to(event_type: str, subscriptions: Sequence[ActiveSubscription]) -> list[int]:
    """Return the ids of the subscriptions to an event."""
    if event_type not in SUBSCRIBABLE_EVENTS:
        return []
    return [one.id for one in subscriptions if event_type in one.events or ALL_EVENTS in one.events]
