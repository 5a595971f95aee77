"""Traces of submissions by OpenTelemetry, where `LEADHUB_OTLP_URL` names a collector.

No row and no message carries a trace. Its id is the submission's, and whether it is traced follows from that id as
well, so gateway, worker and sender agree without a word. Spans hold ids and figures, never people.

The library is an extra (`requirements-otel.lock`), imported only where a collector is named.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

MISSING_LIBRARY_MESSAGE = (
    "LEADHUB_OTLP_URL needs OpenTelemetry. Install it: .venv/bin/python -m pip install -r requirements-otel.lock "
    "(or: uv pip install -r requirements-otel.lock)."
)
MAX_SPANS_PER_SECOND = 500  # of one process: whoever repeats an idempotency key that is traced makes a span each time
EXPORT_DELAY_MILLISECONDS = 1000  # milliseconds between two exports
EXPORT_TIMEOUT_SECONDS = 5
EXPORT_BATCH_SPANS, MAX_QUEUED_SPANS = 256, 2048  # spans beyond the queue are dropped
CHOICE_BYTES = 4  # of a hash, by which a submission is chosen

AttributeValue = str | int | float | bool


class TracingUnavailable(RuntimeError):
    """A collector is named, but the library is not installed."""


class SubmissionTrace(NamedTuple):
    """The trace of a submission: 16 bytes, those of its id, and the 8 bytes of its first span, as whole numbers."""

    trace_id: int
    root_span_id: int

    @property
    def hexadecimal_id(self) -> str:
        """The id as collectors show it: 32 hexadecimal digits."""
        return f"{self.trace_id:032x}"

    def traceparent(self, span_id: int) -> str:
        """Return the header of a request within a span of the trace. Source: W3C Trace Context, level 1."""
        return f"00-{self.trace_id:032x}-{span_id:016x}-01"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that has ended. Times are nanoseconds since the epoch. `links` are (trace id, span id)."""

    name: str
    started_at: int
    ended_at: int
    attributes: Mapping[str, AttributeValue]
    kind: str = "INTERNAL"  # a name of OpenTelemetry's kinds of spans
    links: Sequence[tuple[int, int]] = ()


def submission_trace(submission_id: str) -> SubmissionTrace:
    """Return the trace that a submission has where it is traced."""
    return SubmissionTrace(int(submission_id.replace("-", ""), 16), derived_span_id("submission", submission_id))


def derived_span_id(*parts: object) -> int:
    """Return the id of a span that others must be able to name: 8 bytes that follow from what it is about."""
    digest = hashlib.sha256("\0".join(map(str, ("leadhub", *parts))).encode()).digest()
    return int.from_bytes(digest[:8]) or 1


class SpanRecorder:
    """Records spans for the collector. Recording never blocks: a thread of the library exports them."""

    def __init__(self, service: str, version: str, url: str, ratio: float, key: str) -> None:
        """`ratio` is the part of all submissions that is traced, chosen by a hash with the installation's `key`.

        Whoever chooses idempotency keys knows the ids that they make. Without a key they would choose what is traced.
        Raises TracingUnavailable without the library.
        """
        self._limit = int(ratio * (1 << 8 * CHOICE_BYTES))
        self._key = hashlib.blake2b(key.encode(), digest_size=16).digest()
        self._second, self._spans_in_second = 0, 0
        self._lock = threading.Lock()  # a worker ingests in one thread and sends in another
        self._exporting = _Exporting(service, version, url)

    def trace_of(self, submission_id: str) -> SubmissionTrace | None:
        """Return the trace of a submission; None if it is not traced."""
        digest = hashlib.blake2b(submission_id.encode(), digest_size=CHOICE_BYTES, key=self._key).digest()
        if int.from_bytes(digest) >= self._limit:
            return None
        return submission_trace(submission_id)

    def record_root(self, trace: SubmissionTrace, span: Span) -> None:
        """Record the first span of a trace. It is recorded once, by whoever decides on the submission."""
        self._record(span, trace.trace_id, trace.root_span_id, None)

    def record_child(self, trace: SubmissionTrace, span: Span, span_id: int | None = None) -> None:
        """Record a span below the first one of a trace."""
        self._record(span, trace.trace_id, span_id, trace.root_span_id)

    def record_alone(self, span: Span, trace_id: int, span_id: int) -> None:
        """Record a span of work on many submissions, as a trace of its own."""
        self._record(span, trace_id, span_id, None)

    def flush(self) -> None:
        """Export what was recorded. Blocks for at most some seconds."""
        self._exporting.provider.force_flush(EXPORT_TIMEOUT_SECONDS * 1000)

    def _record(self, span: Span, trace_id: int, span_id: int | None, parent_id: int | None) -> None:
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._spans_in_second = second, 0
            self._spans_in_second += 1
            if self._spans_in_second <= MAX_SPANS_PER_SECOND:
                self._exporting.export_span(span, trace_id, span_id, parent_id)


class _Exporting:
    """The parts of OpenTelemetry that a process uses."""

    def __init__(self, service: str, version: str, url: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        except ImportError as error:
            raise TracingUnavailable(MISSING_LIBRARY_MESSAGE) from error

        class GivenIds(RandomIdGenerator):
            """Gives the next span the ids that were set for it. Used under the recorder's lock."""

            trace_id = span_id = 0

            def generate_trace_id(self) -> int:
                return self.trace_id or super().generate_trace_id()

            def generate_span_id(self) -> int:
                return self.span_id or super().generate_span_id()

        self._api = trace
        self._ids = GivenIds()
        resource = Resource({"service.name": f"leadhub-{service}", "service.version": version})
        self.provider = TracerProvider(id_generator=self._ids, resource=resource)
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS)
        self.provider.add_span_processor(
            BatchSpanProcessor(exporter, MAX_QUEUED_SPANS, EXPORT_DELAY_MILLISECONDS, EXPORT_BATCH_SPANS)
        )
        self._tracer = self.provider.get_tracer("leadhub", version)

    def export_span(self, span: Span, trace_id: int, span_id: int | None, parent_id: int | None) -> None:
        self._ids.trace_id, self._ids.span_id = trace_id, span_id or 0
        parent = self._api.set_span_in_context(self._api.NonRecordingSpan(self._context(trace_id, parent_id or 0)))
        self._tracer.start_span(
            span.name,
            context=parent,
            kind=self._api.SpanKind[span.kind],
            attributes=span.attributes,
            links=[self._api.Link(self._context(*link)) for link in span.links],
            start_time=span.started_at,
        ).end(span.ended_at)

    def _context(self, trace_id: int, span_id: int) -> Any:
        return self._api.SpanContext(trace_id, span_id, True, self._api.TraceFlags(self._api.TraceFlags.SAMPLED))


_process_recorder: SpanRecorder | None = None


def configure_tracing(service: str, version: str, url: str, ratio: float, read_key: Callable[[], str]) -> None:
    """Record spans of this process for the collector at `url`; none without one. Raises TracingUnavailable.

    `read_key` returns the secret key of the installation.
    """
    global _process_recorder
    _process_recorder = SpanRecorder(service, version, url, ratio, read_key()) if url else None


def span_recorder() -> SpanRecorder | None:
    """Return the recorder of this process; None where nothing is traced."""
    return _process_recorder


def trace_id_of(submission_id: str) -> str | None:
    """Return the trace id of a submission as collectors show it; None if it is not traced."""
    recorder = _process_recorder
    trace = recorder and recorder.trace_of(submission_id)
    return trace.hexadecimal_id if trace else None
