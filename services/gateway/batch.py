"""`POST /api/inbound/leads/batch`: up to 1,000 leads in one request; bad ones fail alone."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from typing import Any

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.handlers import KEY_REUSED_MESSAGE, REPLAYED_HEADERS, accepted_body, created_body
from services.gateway.inbound_request import (
    JSON_MEDIA_TYPE,
    idempotency_key,
    is_dry_run,
    key_for_tenant,
    media_type,
    new_journal_item,
    read_request_body,
)
from services.gateway.prefer_header import seconds_to_wait
from services.gateway.schemas import MAX_BATCH_LEADS, BatchLine, InboundHeaders, InboundQuery, LeadBatch
from shared.intake.journal import JournalItem, Lane
from shared.intake.verdicts import Verdict
from shared.leads.inbound import (
    MAX_NESTING_DEPTH,
    TOO_DEEP_MESSAGE,
    InvalidFields,
    MalformedBody,
    iter_array_items,
    parse_item,
    validate_object,
)
from shared.platform.errors import BadRequest, FieldErrors, UnsupportedMediaType, ValidationFailed
from shared.platform.web.openapi import query_params, request_body, request_headers, responds
from shared.platform.web.response_headers import LOG_FIELDS
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

NDJSON_MEDIA_TYPE = "application/x-ndjson"
NON_BLANK_LINE = re.compile(rb"\S[^\n]*")  # a line that is not blank
LOOP_SLICE_SECONDS = 0.004  # seconds that one request may hold the event loop
VALUES_PER_TIME_CHECK = 5_000  # values examined before the clock is read

LeadOrError = dict[str, Any] | InvalidFields  # a lead, or the reason why it is refused


@requires_scope("submit:leads", "write:leads")
@query_params(InboundQuery, required=("tenant",))
@request_headers(InboundHeaders)
@request_body(
    LeadBatch,
    media=(JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE),
    example=[{"email": "kay@example.com"}, {"email": "edsger@example.com"}],
)
@responds(list[BatchLine])
async def receive_batch(request: web.Request) -> web.Response:
    """Take up to 1,000 leads in one request. Each is answered in order; bad ones fail alone.

    An idempotency key covers item i as `key:i`; `Idempotent-Replayed` says that no item was new.
    """
    gateway, key = request.app[GATEWAY_CONTEXT], key_for_tenant(request)
    if is_dry_run(request):
        raise ValidationFailed({"dry_run": ["A dry run takes one lead, no batch. Nothing was stored."]})
    sent_key = idempotency_key(request)
    born: dict[int, JournalItem] = {}
    refused: dict[int, FieldErrors] = {}
    limit = gateway.settings.batch_body_limit
    # The body has no name here, so that it is freed with the generator.
    async for index, lead in read_batch(media_type(request), await read_request_body(request, limit)):
        if isinstance(lead, InvalidFields):
            refused[index] = lead.errors
        else:
            born[index] = new_journal_item(key, lead, sent_key and f"{sent_key}:{index}")
    seconds = seconds_to_wait(request.headers)
    verdicts = await _resolve_verdicts(gateway, list(born.values()), seconds)
    request[LOG_FIELDS] = {"submissions": len(born), "invalid": len(refused)}
    data = [
        _invalid_line(index, refused[index], None) if index in refused else _batch_line(index, born[index], verdicts)
        for index in range(len(born) + len(refused))
    ]
    is_repeat = bool(verdicts) and all(verdict and verdict.replayed for verdict in verdicts.values())
    return json_response({"data": data}, headers=REPLAYED_HEADERS if is_repeat else None)


async def read_batch(media: str, body: bytes) -> AsyncIterator[tuple[int, LeadOrError]]:
    """Yield the leads in a body with their numbers, each read or refused by itself.

    Raises like `read_lead`, at any of them. Leads are read one after the other: the garbage collector traverses all
    that exist at the same time.
    """
    if media not in (JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE):
        raise UnsupportedMediaType(f"Send {JSON_MEDIA_TYPE} (an array) or {NDJSON_MEDIA_TYPE}.")
    yielder = LoopYielder()
    try:
        for index, value in enumerate(iter_array_items(body) if media == JSON_MEDIA_TYPE else _read_lines(body)):
            if index == MAX_BATCH_LEADS:
                raise ValidationFailed({"data": [f"A batch may hold at most {MAX_BATCH_LEADS:,} leads."]})
            yield index, await _read_value(value, yielder, alone=media == NDJSON_MEDIA_TYPE)
    except MalformedBody as error:
        raise BadRequest(str(error)) from error


def _read_lines(body: bytes) -> Iterator[Any]:
    number, at = 1, 0
    for line in NON_BLANK_LINE.finditer(body):
        number += body.count(b"\n", at, line.start())
        at = line.start()
        try:
            yield parse_item(line[0], number)
        except MalformedBody as error:
            yield InvalidFields({"body": [str(error)]})


async def _read_value(value: Any, yielder: "LoopYielder", *, alone: bool) -> LeadOrError:
    """Return the lead that a value holds. If it is nested too deep, refuse it `alone`, or the body with Malformed."""
    if isinstance(value, InvalidFields):
        return value
    await yielder.yield_if_due()
    if await _exceeds_max_depth(value, yielder):
        if not alone:
            raise MalformedBody(TOO_DEEP_MESSAGE)
        return InvalidFields({"body": [TOO_DEEP_MESSAGE]})
    if not isinstance(value, dict):
        return InvalidFields({"body": ["The lead must be a JSON object."]})
    try:
        return validate_object(value)
    except InvalidFields as error:
        return error


async def _exceeds_max_depth(value: Any, yielder: "LoopYielder") -> bool:
    """Return whether a value is nested over MAX_DEPTH levels. The value may be a whole body of megabytes."""
    level = [value]
    for _ in range(MAX_NESTING_DEPTH + 1):
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return False
        children = chain.from_iterable([node.values() if isinstance(node, dict) else node for node in level])
        level = list(islice(children, VALUES_PER_TIME_CHECK))
        while some := list(islice(children, VALUES_PER_TIME_CHECK)):
            level += [child for child in some if isinstance(child, dict | list)]
            await yielder.yield_if_due()
    return True


class LoopYielder:
    """Lets other tasks run every few milliseconds while a long request is handled."""

    def __init__(self) -> None:
        self._slice_started_at = time.perf_counter()

    async def yield_if_due(self) -> None:
        if time.perf_counter() - self._slice_started_at > LOOP_SLICE_SECONDS:
            await asyncio.sleep(0)
            self._slice_started_at = time.perf_counter()


async def _resolve_verdicts(gateway: Gateway, items: list[JournalItem], seconds: float) -> dict[str, Verdict | None]:
    """Return the verdict on each item by its id. Keys of one batch differ, since each ends in its item's index."""
    keyed = [item for item in items if item.body_hash]
    found = await asyncio.gather(*[gateway.idempotency.find_verdict(item) for item in keyed])
    known = {item.id: verdict for item, verdict in zip(keyed, found, strict=True)}
    fresh = [item for item in items if not known.get(item.id)]
    if not fresh:
        return known
    decided = await gateway.intake.submit_all(fresh, Lane.PROMPT, seconds)
    return {**known, **{item.id: verdict for item, verdict in zip(fresh, decided, strict=True)}}


def _batch_line(index: int, item: JournalItem, verdicts: dict[str, Verdict | None]) -> dict[str, Any]:
    verdict = verdicts.get(item.id)
    if verdict is None:
        return {"index": index, **accepted_body(item.id)}
    if verdict.state == "conflict":
        return _invalid_line(index, {"Idempotency-Key": [KEY_REUSED_MESSAGE]}, item.id)
    if verdict.lead_id is None:
        return {"index": index, **accepted_body(item.id)}
    return {"index": index, **created_body(item.id, verdict)}


def _invalid_line(index: int, errors: FieldErrors, submission_id: str | None) -> dict[str, Any]:
    return {
        "index": index,
        "status": "invalid",
        "submission_id": submission_id,
        "lead_id": None,
        "is_duplicate": None,
        "errors": errors,
    }
