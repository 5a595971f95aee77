"""Events for feeds, as their writers make them."""

from datetime import UTC, datetime

from shared.outbound.event_feed import NewFeedEvent
from shared.outbound.webhook_events import WebhookEvent


def event_of(workspace: int, writer: int, number: int) -> NewFeedEvent:
    """A lead that was created: its id is the number, and the writer stands in its data."""
    what = WebhookEvent("lead.created", datetime.now(UTC), number, {"id": number}, {"writer": writer})
    return NewFeedEvent(workspace, what)
