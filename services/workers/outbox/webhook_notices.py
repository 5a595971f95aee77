"""From an event of the outbox to the webhooks that tell of it, and to the feed that clients read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import WebhookNotice
from shared.expressions.expression_errors import ExpressionProblem
from shared.leads.lead_events import EventFact
from shared.leads.submission import LeadKey
from shared.outbound.deliveries import NewDelivery, webhook_to_subscription
from shared.outbound.event_feed import NewFeedEvent
from shared.outbound.subscription_expressions import event_values, passes_expression
from shared.outbound.subscription_filters import passes_filters
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection, as_json

LeadView = Mapping[str, Any]  # a lead as the API shows it
WebhookFilterKey = tuple[int, int, str]  # workspace, subscription, and the text of its filter


# In one order, so that two batches do not wait for each other.
NOTE_FAILURES_SQL: Final = """
INSERT INTO subscription_states (workspace_id, subscription_id, filter_failures, filter_error, filter_failed_at)
SELECT w, id, n, error, now()
FROM json_to_recordset(%s::json) AS f(w bigint, id bigint, n bigint, error text, expression text)
WHERE EXISTS (SELECT FROM webhook_subscriptions s
              WHERE s.workspace_id = f.w AND s.id = f.id AND s.filter_expression = f.expression)
ORDER BY w, id
ON CONFLICT (workspace_id, subscription_id) DO UPDATE
SET filter_failures = subscription_states.filter_failures + excluded.filter_failures,
    filter_error = excluded.filter_error, filter_failed_at = excluded.filter_failed_at
"""


@dataclass(slots=True)
class NoticeFilter:
    """Decides which notices become webhooks, and keeps the filters that gave nothing for an event."""

    failures: Counter[WebhookFilterKey] = field(default_factory=Counter)
    errors: dict[WebhookFilterKey, str] = field(default_factory=dict)  # the last one of each
    _fact: EventFact | None = None  # the last one that was looked at, and its values
    _values: Mapping[str, Any] = field(default_factory=dict)

    def webhook_delivery(self, notice: WebhookNotice, leads: Mapping[LeadKey, LeadView]) -> NewDelivery | None:
        """Return the webhook of a notice, with the lead as it is now, or as it was when it was deleted.

        None if the subscription is narrowed to others.
        """
        what = _webhook_event(notice.event, notice.fact, leads)
        if not passes_filters(notice.subscription.filters, what.event, what.data, what.lead or {}):
            return None
        if notice.subscription.filter_expression and not self._passes(notice, what):
            return None
        return webhook_to_subscription(notice.event.workspace_id, notice.subscription.id, what)

    async def note_failures(self, connection: Connection) -> None:
        """Note the filters that gave nothing, at the end of the caller's transaction."""
        rows = [
            {"w": key[0], "id": key[1], "expression": key[2], "n": n, "error": self.errors[key]}
            for key, n in self.failures.items()
        ]
        if rows:
            await connection.execute(NOTE_FAILURES_SQL, (as_json(rows),))

    def _passes(self, notice: WebhookNotice, what: WebhookEvent) -> bool:
        """Return whether the expression is true. An event for which it gives nothing is not told."""
        text = notice.subscription.filter_expression or ""
        if self._fact is not notice.fact:  # the notices of a fact follow one another
            self._fact, self._values = notice.fact, event_values(what)
        try:
            return passes_expression(text, self._values)
        except ExpressionProblem as problem:
            key = notice.event.workspace_id, notice.subscription.id, text
            self.failures[key] += 1
            self.errors[key] = str(problem)
            return False


def feed_event(event: OutboxEvent, fact: EventFact, leads: Mapping[LeadKey, LeadView]) -> NewFeedEvent:
    """Return a fact of an event as the feed tells it: as a webhook does."""
    return NewFeedEvent(event.workspace_id, _webhook_event(event, fact, leads))


def _webhook_event(event: OutboxEvent, fact: EventFact, leads: Mapping[LeadKey, LeadView]) -> WebhookEvent:
    if fact.type == "lead.deleted":
        lead, data = fact.data.get("lead") or {"id": event.lead_id}, {}
    else:
        lead, data = leads.get(event.lead_key, {"id": event.lead_id}), fact.data
    return WebhookEvent(fact.type, event.occurred_at, event.lead_id, lead, data)
