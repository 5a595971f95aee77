"""The inbound endpoints for one lead: read, accept, answer."""

from typing import Any

from aiohttp import web

from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import body_of, idempotency_key, key_of_tenant, media_type, new_item, read_lead
from services.gateway.state import GATEWAY, Gateway
from shared.errors import Conflict
from shared.journal import Item, Lane
from shared.replies import Verdict
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.pipeline import NOTES

REUSED = "This Idempotency-Key was used with another body."


@needs("write:leads")
async def receive_lead(request: web.Request) -> web.Response:
    """`POST /api/inbound/leads`: one lead."""
    gateway, key = request.app[GATEWAY], key_of_tenant(request)
    sent_key = idempotency_key(request)
    lead = read_lead(media_type(request), await body_of(request, gateway.settings.body_limit))
    item = new_item(key, lead, sent_key)
    verdict = await _verdict(gateway, item, seconds_to_wait(request.headers.get("Prefer")), Lane.WAITED_FOR)
    request[NOTES] = {"submission_id": item.id, "lead_id": verdict and verdict.lead_id}
    return _answer(item, verdict)


async def _verdict(gateway: Gateway, item: Item, seconds: float, lane: Lane) -> Verdict | None:
    if item.body_hash:
        verdict = await gateway.repeats.verdict(item)
        if verdict:
            return verdict
    if not seconds:
        await gateway.intake.accept([item], Lane.PROMPT)
        return None
    return (await gateway.intake.accept_and_wait([item], lane, seconds))[0]


def _answer(item: Item, verdict: Verdict | None) -> web.Response:
    if verdict is None:
        return answer(accepted(item.id), 202, {"Location": f"/api/v1/submissions/{item.id}"})
    headers = {"Idempotent-Replayed": "true"} if verdict.replayed else {}
    if verdict.state == "conflict":
        raise Conflict(REUSED)
    if verdict.lead_id is None:  # dead or held: accepted is accepted, the submission tells why
        return answer(accepted(item.id), 202, {**headers, "Location": f"/api/v1/submissions/{item.id}"})
    return answer(created(item.id, verdict), 201, headers)


def accepted(submission_id: str) -> dict[str, Any]:
    """The answer to what is stored and not yet decided."""
    return {"status": "accepted", "submission_id": submission_id, "lead_id": None, "is_duplicate": None}


def created(submission_id: str, verdict: Verdict) -> dict[str, Any]:
    """The answer to what the workers decided."""
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
