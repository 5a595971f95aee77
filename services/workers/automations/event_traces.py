"""Spans of automations: one for each event of a traced submission, as long as the batch that acted on it."""

from collections.abc import Iterable

from services.workers.automations.types import ActiveRun
from services.workers.outbox.outbox_event import OutboxEvent
from shared.platform.observability.tracing import AttributeValue, Span, SpanRecorder


def trace_events(
    recorder: SpanRecorder, batch: Iterable[OutboxEvent | ActiveRun], started_at: int, ended_at: int
) -> None:
    """Record the spans of the events of a committed batch. Times are nanoseconds since the epoch."""
    for event in batch:
        submission_id = event.data.get("submission_id") if isinstance(event, OutboxEvent) else None
        trace = recorder.trace_of(submission_id) if isinstance(submission_id, str) else None
        if isinstance(event, OutboxEvent) and trace:
            attributes: dict[str, AttributeValue] = {
                "leadhub.event": event.type,
                "leadhub.workspace_id": event.workspace_id,
                "leadhub.lead_id": event.lead_id,
            }
            recorder.record_child(trace, Span("automations", started_at, ended_at, attributes))
