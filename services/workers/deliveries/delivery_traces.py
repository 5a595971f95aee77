"""The trace of a delivery: that of the submission which its event tells of, carried on to the receiver."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from services.workers.deliveries.types import AttemptResult, ClaimedDelivery
from shared.platform.observability.tracing import (
    AttributeValue,
    Span,
    SpanRecorder,
    SubmissionTrace,
    derived_span_id,
    span_recorder,
)

TRACED_KINDS = ("webhook", "email")


def delivery_trace(recorder: SpanRecorder, claimed: ClaimedDelivery) -> SubmissionTrace | None:
    """Return the trace of a delivery; None if its payload names no submission, or one that is not traced."""
    if claimed.kind not in TRACED_KINDS:
        return None
    document = orjson.loads(claimed.payload)
    submission_id = _submission_id(document.get("data")) or _submission_id(document)
    return recorder.trace_of(submission_id) if submission_id else None


def _submission_id(part: Any) -> str | None:
    """Return the submission's id in a part of a payload."""
    value = part.get("submission_id") if isinstance(part, Mapping) else None
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def trace_headers(claimed: ClaimedDelivery) -> dict[str, str]:
    """Return the headers that carry the trace of a delivery to its receiver; none if it is not traced."""
    recorder = span_recorder()
    trace = recorder and delivery_trace(recorder, claimed)
    return {"traceparent": trace.traceparent(_span_id(claimed))} if trace else {}


def traced_fields(claimed: ClaimedDelivery) -> dict[str, str]:
    """Return the fields of a delivery's log line that name its trace; none if it is not traced."""
    recorder = span_recorder()
    trace = recorder and delivery_trace(recorder, claimed)
    return {"trace_id": trace.hexadecimal_id} if trace else {}


def trace_attempt(claimed: ClaimedDelivery, answer: AttemptResult) -> None:
    """Record the span of an attempt that has just ended."""
    recorder = span_recorder()
    trace = recorder and delivery_trace(recorder, claimed)
    if not recorder or not trace:
        return
    attributes: dict[str, AttributeValue] = {
        "leadhub.delivery_id": claimed.id,
        "leadhub.workspace_id": claimed.workspace_id,
        "leadhub.attempt": claimed.attempt_number,
    }
    if answer.status is not None:
        attributes["http.response.status_code"] = answer.status
    ended_at = time.time_ns()
    span = Span(f"deliver {claimed.kind}", ended_at - answer.ms * 1_000_000, ended_at, attributes, kind="CLIENT")
    recorder.record_child(trace, span, _span_id(claimed))


def _span_id(claimed: ClaimedDelivery) -> int:
    return derived_span_id("attempt", claimed.message_id, claimed.attempt_number)
