"""Reading an inbound request: whose it is, what it holds, and the submission it becomes."""

import hashlib
import json
from typing import Any

import orjson
from aiohttp import hdrs, web

from services.gateway.state import GATEWAY
from shared import ids
from shared.errors import BadRequest, Forbidden, UnsupportedMediaType, ValidationFailed
from shared.journal import Item
from shared.keys import Key
from shared.leads.forms import read_form
from shared.leads.inbound import Malformed, Unacceptable, validate, validate_form
from shared.validation import MESSAGES
from shared.web.access import KEY
from shared.web.bodies import read_body

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CHANNEL = "inbound"
LONGEST_KEY = 255


def key_of_tenant(request: web.Request) -> Key:
    """The request's key. Raises ValidationFailed without `tenant`, Forbidden for another workspace's."""
    key = request[KEY]
    tenant = request.query.get("tenant")
    if not tenant:
        raise ValidationFailed({"tenant": ["The tenant field is required: ?tenant={workspace slug}."]})
    if tenant != key.workspace_slug:
        raise Forbidden("This API key belongs to another workspace than the tenant named.")
    return key


def is_dry_run(request: web.Request) -> bool:
    """Whether nothing is to be stored. Raises ValidationFailed for a value that is neither true nor false."""
    asked = request.query.get("dry_run", "0")
    if asked not in ("0", "false", "1", "true"):  # nor "": whoever writes ?dry_run wants nothing stored
        raise ValidationFailed({"dry_run": [MESSAGES["flag"].format(field="dry_run")]})
    return asked in ("1", "true")


def media_type(request: web.Request) -> str:
    """The body's type; none named is read as JSON."""
    header = request.headers.get(hdrs.CONTENT_TYPE) or JSON  # an empty one names none either
    return JSON if header == JSON else request.content_type


async def body_of(request: web.Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes."""
    return await read_body(request, limit, request.app[GATEWAY].settings.body_timeout)


def read_lead(media: str, body: bytes) -> dict[str, Any]:
    """The lead in a body of that type. Raises BadRequest, UnsupportedMediaType or ValidationFailed."""
    try:
        if media == JSON:
            return validate(body)
        if media == FORM:
            return validate_form(read_form(body))
    except Malformed as error:
        raise BadRequest(str(error)) from error
    except Unacceptable as error:
        raise ValidationFailed(error.errors) from error
    raise UnsupportedMediaType(f"Send {JSON} or {FORM}.")


def idempotency_key(request: web.Request) -> str | None:
    """The request's idempotency key. Raises ValidationFailed for one that is too long."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise ValidationFailed({"Idempotency-Key": [f"The key must have 1 to {LONGEST_KEY} printable characters."]})
    return key


def new_item(key: Key, lead: dict[str, Any], sent_key: str | None, *, channel: str = CHANNEL, sent: Any = None) -> Item:
    """A submission at its birth: `id` and `received_at` travel on unchanged.

    `sent` is what was sent, unchecked, where that is not the lead: what a repeat of an idempotency key must equal.
    """
    at, source = ids.now_ms(), lead.get("source")
    if sent_key is None:
        return Item(ids.uuid7(at), at, key.workspace_id, channel, source, orjson.dumps(lead), key.id)
    # Sorted, so that the same lead in another order of fields is no other body. What nobody checked may hold what
    # orjson does not write: lone surrogates, numbers of any size, files.
    checked = sent is None
    compared = orjson.dumps(lead, option=orjson.OPT_SORT_KEYS) if checked else json.dumps(sent, sort_keys=True).encode()
    body_hash = hashlib.sha256(compared).hexdigest()[:32]
    submission_id = ids.keyed(key.workspace_id, channel, sent_key)
    return Item(submission_id, at, key.workspace_id, channel, source, orjson.dumps(lead), key.id, body_hash)
