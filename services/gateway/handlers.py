"""The inbound endpoint for one lead: read it, accept it, answer."""

from typing import Any

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.dry_run import perform_dry_run
from services.gateway.inbound_request import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    idempotency_key,
    is_dry_run,
    key_for_tenant,
    media_type,
    new_journal_item,
    read_lead,
    read_request_body,
)
from services.gateway.prefer_header import seconds_to_wait
from services.gateway.schemas import DryRun, InboundAnswer, InboundHeaders, InboundLeadQuery
from shared.intake.journal import JournalItem, Lane
from shared.intake.verdicts import Verdict
from shared.leads.inbound import InboundLead
from shared.platform.errors import Conflict
from shared.platform.web.openapi import query_params, request_body, request_headers, responds
from shared.platform.web.response_headers import LOG_FIELDS
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

KEY_REUSED_MESSAGE = "This Idempotency-Key was used with another body."
REPLAYED_HEADERS = {"Idempotent-Replayed": "true"}
EXAMPLE_LEAD = {
    "email": "sarah@example.com",
    "first_name": "Sarah",
    "last_name": "Johnson",
    "phone": "+14155551234",
    "source": "website",
    "tags": ["newsletter"],
    "custom_fields": {"budget": "10000"},
}


@requires_scope("submit:leads", "write:leads")
@query_params(InboundLeadQuery, required=("tenant",))
@request_headers(InboundHeaders)
@request_body(InboundLead, media=(JSON_MEDIA_TYPE, FORM_MEDIA_TYPE), example=EXAMPLE_LEAD)
@responds(InboundAnswer, status=201, envelope=False, other_statuses=(200, 202, 409), schemas_by_status={200: DryRun})
async def receive_lead(request: web.Request) -> web.Response:
    """Take a lead from any source. A lead whose email or phone is known already is merged into that lead.

    201 reports the outcome; 202 means that the lead is stored and not yet decided. Problems that only the database can
    find, such as an unknown stage, never refuse a lead: the value is left out and named in `warnings`. The same happens
    to values beyond the limits of a lead (256 KB of custom fields, 100,000 characters of notes, 1,000 tags) and to
    unknown fields, which stay on the submission's `payload`. A dry run (200) stores nothing; its `changes`, which show
    what the lead holds, are null for a key without `read:leads`.
    """
    gateway, key = request.app[GATEWAY_CONTEXT], key_for_tenant(request)
    sent_key = idempotency_key(request)
    lead = read_lead(media_type(request), await read_request_body(request, gateway.settings.body_limit))
    if is_dry_run(request):
        return json_response(await perform_dry_run(gateway.pool, key, lead))
    item = new_journal_item(key, lead, sent_key)
    verdict = await submit_or_replay(gateway, item, seconds_to_wait(request.headers))
    request[LOG_FIELDS] = {"submission_id": item.id, "lead_id": verdict and verdict.lead_id}
    return response_for(item, verdict)


async def submit_or_replay(gateway: Gateway, item: JournalItem, seconds: float) -> Verdict | None:
    """Store a submission, unless it repeats a decided one, and return its verdict.

    Waits up to `seconds` for the verdict. None means that the workers decide later.
    """
    verdict = await replayed_verdict(gateway, item)
    if verdict is None:
        lane = Lane.WAITED_FOR if seconds else Lane.PROMPT
        verdict = (await gateway.intake.submit_all([item], lane, seconds))[0]
    return verdict


async def replayed_verdict(gateway: Gateway, item: JournalItem) -> Verdict | None:
    """Return the earlier verdict on the item's idempotency key, if it has a key that is decided."""
    return await gateway.idempotency.find_verdict(item) if item.body_hash else None


def response_for(item: JournalItem, verdict: Verdict | None) -> web.Response:
    """Return the answer to one submission. Raises Conflict for an idempotency key used with another body."""
    status, body, headers = response_parts(item, verdict)
    return json_response(body, status, headers)


def response_parts(item: JournalItem, verdict: Verdict | None) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers of the answer to one submission.

    Raises Conflict for an idempotency key used with another body.
    """
    headers = dict(REPLAYED_HEADERS) if verdict and verdict.replayed else {}
    if verdict and verdict.state == "conflict":
        raise Conflict(KEY_REUSED_MESSAGE)
    if verdict is None or verdict.lead_id is None:  # dead or held: it was accepted; the submission shows why
        return 202, accepted_body(item.id), {**headers, "Location": f"/api/v1/submissions/{item.id}"}
    return 201, created_body(item.id, verdict), headers


def accepted_body(submission_id: str) -> dict[str, Any]:
    """Return the body for a submission that is stored and not yet decided."""
    return {"status": "accepted", "submission_id": submission_id, "lead_id": None, "is_duplicate": None}


def created_body(submission_id: str, verdict: Verdict) -> dict[str, Any]:
    """Return the body for a submission that the workers decided."""
    body: dict[str, Any] = {
        "status": "created",
        "lead_id": verdict.lead_id,
        "is_duplicate": verdict.is_duplicate,
        "submission_id": submission_id,
    }
    if verdict.is_duplicate:
        body["matched_on"] = verdict.matched_on or []
    if verdict.warnings:
        body["warnings"] = verdict.warnings
    return body
