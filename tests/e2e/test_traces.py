"""Traces: from the post of a lead to the answer of a webhook, as a collector of OpenTelemetry gets them."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.client import Client
from tests.support.receivers import Receiver, receiving
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

NAMES_OF_ONE_TRACE = {"POST /api/inbound/leads", "submission", "ingest", "automations", "deliver webhook"}
PERSON = {"email": "traced.person@example.com", "first_name": "Tracegarden", "phone": "+4915112345678"}


def exported_spans(collector: Receiver) -> Iterator[Any]:
    """The spans that came to a collector."""
    for request in collector.requests:
        for resource in ExportTraceServiceRequest.FromString(request.raw).resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans


def spans_of(collector: Receiver, trace_id: str) -> list[Any]:
    return [span for span in exported_spans(collector) if span.trace_id.hex() == trace_id]


def settings_of(collector: Receiver, ratio: float) -> dict[str, str]:
    return {
        "LEADHUB_OTLP_URL": collector.url,
        "LEADHUB_TRACE_RATIO": str(ratio),
        "LEADHUB_ALLOWED_TARGETS": "127.0.0.0/8",
    }


async def post_leads(stack: Stack, receiver: Receiver, leads: Sequence[dict[str, str]]) -> list[str]:
    """Subscribe a receiver to new leads and post some. Returns the submissions' ids without dashes."""
    client = Client(stack)
    try:
        await client.make("webhooks", {"url": f"{receiver.url}/hook", "events": ["lead.created"]})
        answers = [await client.post(lead) for lead in leads]
        return [answer.body["submission_id"].replace("-", "") for answer in answers]
    finally:
        await client.close()


async def test_a_trace_reaches_from_the_post_to_the_answer_of_the_webhook(tmp_path: Path) -> None:
    async with receiving() as collector, receiving() as receiver:
        with running_stack(tmp_path / "data", settings_of(collector, 1)) as stack:
            (trace_id,) = await post_leads(stack, receiver, [PERSON])
            await until_async(
                lambda: {span.name for span in spans_of(collector, trace_id)} == NAMES_OF_ONE_TRACE,
                what="the spans of the lead",
            )
            await until_async(lambda: "ingest batch" in {span.name for span in exported_spans(collector)}, what="batch")
            log = "".join(path.read_text() for path in (stack.folder / "logs").glob("*.log"))
        by_name = {span.name: span for span in spans_of(collector, trace_id)}
        root = by_name.pop("submission")
        assert not root.parent_span_id
        assert {span.parent_span_id for span in by_name.values()} == {root.span_id}
        (batch,) = [span for span in exported_spans(collector) if span.name == "ingest batch"]
        assert [(link.trace_id, link.span_id) for link in batch.links] == [(root.trace_id, root.span_id)]
        assert [link.trace_id for link in by_name["ingest"].links] == [batch.trace_id]
        (came,) = receiver.requests
        assert came.headers["traceparent"] == f"00-{trace_id}-{by_name['deliver webhook'].span_id.hex()}-01"
        assert f'"trace_id":"{trace_id}"' in log
        sent = b"".join(request.raw for request in collector.requests)
        assert not [
            text for text in PERSON.values() if text.encode() in sent or base64.b64encode(text.encode()) in sent
        ]


async def test_what_is_not_chosen_is_not_traced(tmp_path: Path) -> None:
    async with receiving() as collector, receiving() as receiver:
        with running_stack(tmp_path / "data", settings_of(collector, 0)) as stack:
            await post_leads(stack, receiver, [PERSON])
            await until_async(lambda: bool(receiver.requests), what="the webhook")
        assert "traceparent" not in receiver.requests[0].headers
        assert collector.requests == []


@pytest.mark.extended
async def test_leads_are_taken_while_the_collector_hangs(tmp_path: Path) -> None:
    async with receiving() as collector, receiving() as receiver:
        collector.hold()
        with running_stack(tmp_path / "data", settings_of(collector, 1)) as stack:
            leads = [{"email": f"traced-{number}@example.com"} for number in range(50)]
            assert len(set(await post_leads(stack, receiver, leads))) == len(leads)
            await until_async(lambda: len(receiver.requests) == len(leads), what="all webhooks")
            collector.release()
