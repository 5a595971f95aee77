"""`POST /api/inbound/leads/batch`: up to 1,000 leads in one request; bad ones fail alone."""

import asyncio
from typing import Any

from aiohttp import web

from services.gateway.handlers import REPLAYED, REUSED, accepted, created
from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import JSON, body_of, idempotency_key, is_dry_run, key_of_tenant, media_type, new_item
from services.gateway.shapes import MOST, Batch, BatchLine, InboundHeaders, InboundQuery
from services.gateway.state import GATEWAY, Gateway
from shared.errors import BadRequest, Fields, UnsupportedMediaType, ValidationFailed
from shared.journal import Item, Lane
from shared.leads.inbound import MAX_DEPTH, Malformed, Unacceptable, parse, validate_object
from shared.replies import Verdict
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, gives, heeds, takes
from shared.web.pipeline import NOTES

NDJSON = "application/x-ndjson"

Read = dict[str, Any] | Unacceptable  # a lead, or why it is none


@needs("write:leads")
@asks(InboundQuery, required=("tenant",))
@heeds(InboundHeaders)
@takes(Batch, media=(JSON, NDJSON), example=[{"email": "kay@example.com"}, {"email": "edsger@example.com"}])
@gives(list[BatchLine])
async def receive_batch(request: web.Request) -> web.Response:
    """Take up to 1,000 leads in one request. Each is answered in order; bad ones fail alone.

    An idempotency key covers item i as `key:i`; `Idempotent-Replayed` says that no item was new.
    """
    gateway, key = request.app[GATEWAY], key_of_tenant(request)
    if is_dry_run(request):
        raise ValidationFailed({"dry_run": ["A dry run takes one lead, no batch. Nothing was stored."]})
    sent_key = idempotency_key(request)
    leads = read_leads(media_type(request), await body_of(request, gateway.settings.batch_body_limit))
    items = {
        index: new_item(key, lead, sent_key and f"{sent_key}:{index}")
        for index, lead in enumerate(leads)
        if not isinstance(lead, Unacceptable)
    }
    seconds = seconds_to_wait(request.headers)
    verdicts = await _verdicts(gateway, list(items.values()), seconds)
    request[NOTES] = {"submissions": len(items), "invalid": len(leads) - len(items)}
    data = [_line(index, lead, items.get(index), verdicts) for index, lead in enumerate(leads)]
    is_repeat = bool(verdicts) and all(verdict and verdict.replayed for verdict in verdicts.values())
    return answer({"data": data}, headers=REPLAYED if is_repeat else None)


def read_leads(media: str, body: bytes) -> list[Read]:
    """The leads in a body, each read or refused by itself. Raises as `read_lead` does."""
    if media == JSON:
        try:
            values = parse(body, levels=MAX_DEPTH + 1)
        except Malformed as error:
            raise BadRequest(str(error)) from error
        if not isinstance(values, list):
            raise BadRequest("The body must be a JSON array of leads.")
        leads = [_read_value(value) for value in values[: MOST + 1]]
    elif media == NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        leads = [_read_line(line) for line in lines[: MOST + 1]]
    else:
        raise UnsupportedMediaType(f"Send {JSON} (an array) or {NDJSON}.")
    if len(leads) > MOST:
        raise ValidationFailed({"data": [f"A batch may hold at most {MOST:,} leads."]})
    return leads


def _read_line(line: bytes) -> Read:
    try:
        return _read_value(parse(line))
    except Malformed as error:
        return Unacceptable({"body": [str(error)]})


def _read_value(value: Any) -> Read:
    if not isinstance(value, dict):
        return Unacceptable({"body": ["The lead must be a JSON object."]})
    try:
        return validate_object(value)
    except Unacceptable as error:
        return error


async def _verdicts(gateway: Gateway, items: list[Item], seconds: float) -> dict[str, Verdict | None]:
    """The verdict on each item, by its id; equal keys are impossible in a batch, as they end in the index."""
    keyed = [item for item in items if item.body_hash]
    found = await asyncio.gather(*[gateway.repeats.verdict(item) for item in keyed])
    known = {item.id: verdict for item, verdict in zip(keyed, found, strict=True)}
    fresh = [item for item in items if not known.get(item.id)]
    if not fresh:
        return known
    decided = await gateway.intake.accept(fresh, Lane.PROMPT, seconds)
    return {**known, **{item.id: verdict for item, verdict in zip(fresh, decided, strict=True)}}


def _line(index: int, lead: Read, item: Item | None, verdicts: dict[str, Verdict | None]) -> dict[str, Any]:
    if isinstance(lead, Unacceptable) or item is None:
        errors: Fields = lead.errors if isinstance(lead, Unacceptable) else {}
        return _invalid(index, errors, None)
    verdict = verdicts.get(item.id)
    if verdict is None:
        return {"index": index, **accepted(item.id)}
    if verdict.state == "conflict":
        return _invalid(index, {"Idempotency-Key": [REUSED]}, item.id)
    if verdict.lead_id is None:
        return {"index": index, **accepted(item.id)}
    return {"index": index, **created(item.id, verdict)}


def _invalid(index: int, errors: Fields, submission_id: str | None) -> dict[str, Any]:
    return {
        "index": index,
        "status": "invalid",
        "submission_id": submission_id,
        "lead_id": None,
        "is_duplicate": None,
        "errors": errors,
    }
