"""From an event of the outbox to the webhooks that tell of it."""

from collections.abc import Mapping
from typing import Any

from services.workers.outbox.webhook_subscriptions import WebhookNotice
from shared.leads.submission import LeadKey
from shared.outbound.deliveries import NewDelivery, webhook_to_subscription
from shared.outbound.webhook_events import WebhookEvent

LeadView = Mapping[str, Any]  # a lead as the API shows it


def webhook_delivery(notice: WebhookNotice, leads: Mapping[LeadKey, LeadView]) -> NewDelivery:
    """Return the webhook of a notice, with the lead as it is now, or as it was when it was deleted."""
    event, fact, subscription_id = notice
    if fact.type == "lead.deleted":
        lead, data = fact.data.get("lead") or {"id": event.lead_id}, {}
    else:
        lead, data = leads.get(event.lead_key, {"id": event.lead_id}), fact.data
    what = WebhookEvent(fact.type, event.occurred_at, event.lead_id, lead, data)
    return webhook_to_subscription(event.workspace_id, subscription_id, what)
