"""From an event of the outbox to the webhooks that tell of it."""

from collections.abc import Mapping
from typing import Any

from services.workers.outbox.webhook_subscriptions import WebhookNotice
from shared.leads.submission import LeadKey
from shared.outbound.deliveries import NewDelivery, webhook_to_subscription
from shared.outbound.subscription_filters import passes_filters
from shared.outbound.webhook_events import WebhookEvent

LeadView = Mapping[str, Any]  # a lead as the API shows it


def webhook_delivery(notice: WebhookNotice, leads: Mapping[LeadKey, LeadView]) -> NewDelivery | None:
    """Return the webhook of a notice, with the lead as it is now, or as it was when it was deleted.

    None if the subscription is narrowed to others.
    """
    event, fact, subscription = notice
    if fact.type == "lead.deleted":
        lead, data = fact.data.get("lead") or {"id": event.lead_id}, {}
    else:
        lead, data = leads.get(event.lead_key, {"id": event.lead_id}), fact.data
    if not passes_filters(subscription.filters, fact.type, data, lead):
        return None
    what = WebhookEvent(fact.type, event.occurred_at, event.lead_id, lead, data)
    return webhook_to_subscription(event.workspace_id, subscription.id, what)
