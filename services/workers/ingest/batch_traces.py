"""Spans of ingested batches: one of the batch, and for each traced submission its first span and that of its ingest."""

import os
from collections.abc import Sequence

from shared.leads.submission import AcceptedSubmission
from shared.platform.observability.tracing import AttributeValue, Span, SpanRecorder

NANOSECONDS_PER_MILLISECOND = 1_000_000


def trace_batch(
    recorder: SpanRecorder,
    lane: str,
    decided: Sequence[tuple[AcceptedSubmission, bool]],
    started_at: int,
    ended_at: int,
) -> None:
    """Record the spans of a committed batch: its submissions, with whether they are duplicates.

    Times are nanoseconds since the epoch. The batch has a trace of its own, since it belongs to many; it and its
    submissions link to one another.
    """
    traced = [(*one, trace) for one in decided if (trace := recorder.trace_of(one[0].id))]
    if not traced:
        return
    batch = int.from_bytes(os.urandom(16)) or 1, int.from_bytes(os.urandom(8)) or 1
    for submission, is_duplicate, trace in traced:
        attributes: dict[str, AttributeValue] = {
            "leadhub.submission_id": submission.id,
            "leadhub.workspace_id": submission.workspace_id,
            "leadhub.is_duplicate": is_duplicate,
        }
        received_at = min(submission.received_at * NANOSECONDS_PER_MILLISECOND, started_at)
        recorder.record_root(trace, Span("submission", received_at, ended_at, attributes))
        recorder.record_child(trace, Span("ingest", started_at, ended_at, {"leadhub.lane": lane}, links=[batch]))
    links = [(trace.trace_id, trace.root_span_id) for _, _, trace in traced]
    figures: dict[str, AttributeValue] = {"leadhub.lane": lane, "leadhub.submissions": len(decided)}
    recorder.record_alone(Span("ingest batch", started_at, ended_at, figures, links=links), *batch)
