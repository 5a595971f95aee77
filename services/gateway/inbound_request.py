"""Read an inbound request: its workspace, its lead, and the submission that it becomes."""

import hashlib
import json
from typing import Any

import orjson
from aiohttp import hdrs, web

from services.gateway.context import GATEWAY_CONTEXT
from shared.auth.api_keys import AuthenticatedKey
from shared.intake.journal import INBOUND_CHANNEL, JournalItem
from shared.leads.form_encoding import read_form
from shared.leads.inbound import InvalidFields, MalformedBody, validate_form, validate_lead
from shared.platform import ids
from shared.platform.errors import BadRequest, Forbidden, UnsupportedMediaType, ValidationFailed
from shared.platform.validation.messages import ERROR_MESSAGES
from shared.platform.web.request_body import read_body
from shared.service_app.authorization import API_KEY

JSON_MEDIA_TYPE = "application/json"
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_IDEMPOTENCY_KEY_LENGTH = 255
IDEMPOTENCY_HEADER = "Idempotency-Key"
SEVERAL_KEYS_MESSAGE = "Send one Idempotency-Key: the request has several headers of this name."


def key_for_tenant(request: web.Request) -> AuthenticatedKey:
    """Return the request's key. Raises ValidationFailed without `tenant`, Forbidden for another workspace."""
    key = request[API_KEY]
    tenant = request.query.get("tenant")
    if not tenant:
        raise ValidationFailed({"tenant": ["The tenant field is required: ?tenant={workspace slug}."]})
    if tenant != key.workspace_slug:
        raise Forbidden("This API key belongs to another workspace than the tenant named.")
    return key


def is_dry_run(request: web.Request) -> bool:
    """Return whether the request is a dry run. Raises ValidationFailed for a value that is neither true nor false."""
    text = request.query.get("dry_run", "0")
    if text not in ("0", "false", "1", "true"):  # not "" either: a client that sends ?dry_run wants nothing stored
        raise ValidationFailed({"dry_run": [ERROR_MESSAGES["flag"].format(field="dry_run")]})
    return text in ("1", "true")


def media_type(request: web.Request) -> str:
    """Return the media type of the body, JSON if the request names none."""
    header = request.headers.get(hdrs.CONTENT_TYPE) or JSON_MEDIA_TYPE  # an empty header counts as none
    return JSON_MEDIA_TYPE if header == JSON_MEDIA_TYPE else request.content_type


async def read_request_body(request: web.Request, limit: int) -> bytes:
    """Return the body, of at most `limit` bytes."""
    return await read_body(request, limit, request.app[GATEWAY_CONTEXT].settings.body_timeout)


def read_lead(media: str, body: bytes) -> dict[str, Any]:
    """Return the lead in a body of that type. Raises BadRequest, UnsupportedMediaType or ValidationFailed."""
    try:
        if media == JSON_MEDIA_TYPE:
            return validate_lead(body)
        if media == FORM_MEDIA_TYPE:
            return validate_form(read_form(body))
    except MalformedBody as error:
        raise BadRequest(str(error)) from error
    except InvalidFields as error:
        raise ValidationFailed(error.errors) from error
    raise UnsupportedMediaType(f"Send {JSON_MEDIA_TYPE} or {FORM_MEDIA_TYPE}.")


def idempotency_key(request: web.Request) -> str | None:
    """Return the request's idempotency key.

    Raises BadRequest for several of them, and ValidationFailed for one that is too long or not printable.
    """
    keys = request.headers.getall(IDEMPOTENCY_HEADER, ())
    if len(keys) > 1:
        raise BadRequest(SEVERAL_KEYS_MESSAGE)
    key = keys[0] if keys else None
    if key is not None and not (0 < len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH and key.isprintable()):
        raise ValidationFailed(
            {IDEMPOTENCY_HEADER: [f"The key must have 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable characters."]}
        )
    return key


def new_journal_item(
    key: AuthenticatedKey,
    lead: dict[str, Any],
    sent_key: str | None,
    *,
    channel: str = INBOUND_CHANNEL,
    sent_value: Any = None,
) -> JournalItem:
    """Create a submission. Its `id` and `received_at` stay the same from here on.

    `sent_value` has the sent values, unchecked, if they differ from the lead: a repeat of an idempotency key must send
    the same values.
    """
    return make_journal_item(key.workspace_id, key.id, lead, sent_key, channel=channel, sent_value=sent_value)


def make_journal_item(
    workspace_id: int,
    key_id: int | None,
    lead: dict[str, Any],
    sent_key: str | None,
    *,
    channel: str = INBOUND_CHANNEL,
    sent_value: Any = None,
) -> JournalItem:
    """Create a submission as `new_journal_item` does, also for a sender without an API key."""
    at, source = ids.now_ms(), lead.get("source")
    if sent_key is None:
        return JournalItem(ids.uuid7(at), at, workspace_id, channel, source, orjson.dumps(lead), key_id)
    # Sorted, so that another order of fields does not make another body. Unchecked values may hold things that orjson
    # does not write: lone surrogates, numbers of any size, files.
    checked = sent_value is None
    compared = (
        orjson.dumps(lead, option=orjson.OPT_SORT_KEYS) if checked else json.dumps(sent_value, sort_keys=True).encode()
    )
    body_hash = hashlib.sha256(compared).hexdigest()[:32]
    submission_id = ids.idempotency_uuid(workspace_id, channel, sent_key)
    return JournalItem(submission_id, at, workspace_id, channel, source, orjson.dumps(lead), key_id, body_hash)
