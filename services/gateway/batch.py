"""`POST /api/inbound/leads/batch`: up to 1,000 leads in one request; bad ones fail alone."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from typing import Any

from aiohttp import web

from services.gateway.handlers import REPLAYED, REUSED, accepted, created
from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import JSON, body_of, idempotency_key, is_dry_run, key_of_tenant, media_type, new_item
from services.gateway.shapes import MOST, Batch, BatchLine, InboundHeaders, InboundQuery
from services.gateway.state import GATEWAY, Gateway
from shared.errors import BadRequest, Fields, UnsupportedMediaType, ValidationFailed
from shared.journal import Item, Lane
from shared.leads.inbound import MAX_DEPTH, TOO_DEEP, Malformed, Unacceptable, item, items, validate_object
from shared.replies import Verdict
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, gives, heeds, takes
from shared.web.pipeline import NOTES

NDJSON = "application/x-ndjson"
LINE = re.compile(rb"\S[^\n]*")  # a line that is not blank
SLICE = 0.004  # seconds that one request may hold the event loop
AT_ONCE = 5_000  # values examined before the clock is read

Read = dict[str, Any] | Unacceptable  # a lead, or the reason why it is refused


@needs("submit:leads", "write:leads")
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
    born: dict[int, Item] = {}
    refused: dict[int, Fields] = {}
    limit = gateway.settings.batch_body_limit
    # The body has no name here, so that it is freed with the generator.
    async for index, lead in read_leads(media_type(request), await body_of(request, limit)):
        if isinstance(lead, Unacceptable):
            refused[index] = lead.errors
        else:
            born[index] = new_item(key, lead, sent_key and f"{sent_key}:{index}")
    seconds = seconds_to_wait(request.headers)
    verdicts = await _verdicts(gateway, list(born.values()), seconds)
    request[NOTES] = {"submissions": len(born), "invalid": len(refused)}
    data = [
        _invalid(index, refused[index], None) if index in refused else _line(index, born[index], verdicts)
        for index in range(len(born) + len(refused))
    ]
    is_repeat = bool(verdicts) and all(verdict and verdict.replayed for verdict in verdicts.values())
    return answer({"data": data}, headers=REPLAYED if is_repeat else None)


async def read_leads(media: str, body: bytes) -> AsyncIterator[tuple[int, Read]]:
    """Yield the leads in a body with their numbers, each read or refused by itself.

    Raises like `read_lead`, at any of them. Leads are read one after the other: the garbage collector traverses all
    that exist at the same time.
    """
    if media not in (JSON, NDJSON):
        raise UnsupportedMediaType(f"Send {JSON} (an array) or {NDJSON}.")
    yielder = Turn()
    try:
        for index, value in enumerate(items(body) if media == JSON else _read_lines(body)):
            if index == MOST:
                raise ValidationFailed({"data": [f"A batch may hold at most {MOST:,} leads."]})
            yield index, await _read_value(value, yielder, alone=media == NDJSON)
    except Malformed as error:
        raise BadRequest(str(error)) from error


def _read_lines(body: bytes) -> Iterator[Any]:
    number, at = 1, 0
    for line in LINE.finditer(body):
        number += body.count(b"\n", at, line.start())
        at = line.start()
        try:
            yield item(line[0], number)
        except Malformed as error:
            yield Unacceptable({"body": [str(error)]})


async def _read_value(value: Any, yielder: "Turn", *, alone: bool) -> Read:
    """Return the lead that a value holds. If it is nested too deep, refuse it `alone`, or the body with Malformed."""
    if isinstance(value, Unacceptable):
        return value
    await yielder.pass_on()
    if await _is_deeper(value, yielder):
        if not alone:
            raise Malformed(TOO_DEEP)
        return Unacceptable({"body": [TOO_DEEP]})
    if not isinstance(value, dict):
        return Unacceptable({"body": ["The lead must be a JSON object."]})
    try:
        return validate_object(value)
    except Unacceptable as error:
        return error


async def _is_deeper(value: Any, yielder: "Turn") -> bool:
    """Return whether a value is nested over MAX_DEPTH levels. The value may be a whole body of megabytes."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return False
        children = chain.from_iterable([node.values() if isinstance(node, dict) else node for node in level])
        level = list(islice(children, AT_ONCE))
        while some := list(islice(children, AT_ONCE)):
            level += [child for child in some if isinstance(child, dict | list)]
            await yielder.pass_on()
    return True


class Turn:
    """Lets other tasks run every few milliseconds while a long request is handled."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def pass_on(self) -> None:
        if time.perf_counter() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def _verdicts(gateway: Gateway, items: list[Item], seconds: float) -> dict[str, Verdict | None]:
    """Return the verdict on each item by its id. Keys of one batch differ, since each ends in its item's index."""
    keyed = [item for item in items if item.body_hash]
    found = await asyncio.gather(*[gateway.repeats.verdict(item) for item in keyed])
    known = {item.id: verdict for item, verdict in zip(keyed, found, strict=True)}
    fresh = [item for item in items if not known.get(item.id)]
    if not fresh:
        return known
    decided = await gateway.intake.accept(fresh, Lane.PROMPT, seconds)
    return {**known, **{item.id: verdict for item, verdict in zip(fresh, decided, strict=True)}}


def _line(index: int, item: Item, verdicts: dict[str, Verdict | None]) -> dict[str, Any]:
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
