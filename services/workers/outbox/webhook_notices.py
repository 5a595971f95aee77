"""From an event of the outbox to the webhooks that tell of it, and to the feed that clients read."""

from collections.abc import Mapping

from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import LeadView, WebhookNotice, webhook_event
from shared.leads.lead_events import EventFact
from shared.leads.submission import LeadKey
from shared.outbound.deliveries import NewDelivery, webhook_to_subscription
from shared.outbound.event_feed import NewFeedEvent
from shared.outbound.subscription_filters import passes_filters


def webhook_delivery(notice: WebhookNotice, leads: Mapping[LeadKey, LeadView]) -> NewDelivery | None:
    """Return the webhook of a notice, with the lead as it is now, or as it was when it was deleted.

    None if `filters` of the subscription narrow it to others. Its expression was judged before.
    """
    what = webhook_event(notice.event, notice.fact, leads)
    if not passes_filters(notice.subscription.filters, what.event, what.data, what.lead or {}):
        return None
    return webhook_to_subscription(notice.event.workspace_id, notice.subscription.id, what)


def feed_event(event: OutboxEvent, fact: EventFact, leads: Mapping[LeadKey, LeadView]) -> NewFeedEvent:
    """Return a fact of an event as the feed tells it: as a webhook does."""
    return NewFeedEvent(event.workspace_id, webhook_event(event, fact, leads))
