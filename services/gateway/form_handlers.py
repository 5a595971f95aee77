"""`POST /api/v1/forms/{id}/submissions`: a form filled in by another program."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.form_values import fill_form
from services.gateway.handlers import replayed_verdict, response_for
from services.gateway.inbound_request import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    idempotency_key,
    media_type,
    new_journal_item,
    read_request_body,
)
from services.gateway.multipart import received_files
from services.gateway.prefer_header import seconds_to_wait
from services.gateway.schemas import FormValues, InboundAnswer, InboundHeaders
from services.gateway.uploaded_files import comparable_values, stored_files
from shared.forms.definition import FormDefinition
from shared.intake.journal import Lane
from shared.leads.form_encoding import parse_brackets, read_form
from shared.leads.inbound import InvalidFields, MalformedBody, parse_json
from shared.leads.submission import FORM_KEY as FORM_PART
from shared.platform.errors import BadRequest, NotFound, UnsupportedMediaType, ValidationFailed
from shared.platform.web.openapi import request_body, request_headers, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.response_headers import LOG_FIELDS
from shared.service_app.authorization import API_KEY, requires_scope

T = TypeVar("T")

MULTIPART_MEDIA_TYPE = "multipart/form-data"


@requires_scope("submit:leads", "write:forms", "write:leads")
@request_headers(InboundHeaders)
@request_body(
    FormValues,
    media=(JSON_MEDIA_TYPE, FORM_MEDIA_TYPE, MULTIPART_MEDIA_TYPE),
    example={"email": "katherine@example.com", "message": "Please call me."},
)
@responds(InboundAnswer, status=201, envelope=False, other_statuses=(202, 404, 409))
async def receive_submission(request: web.Request) -> web.Response:
    """Fill in a form. The answer is that of inbound leads.

    Values are checked against the form's fields. Files are stored before the answer: their value becomes an object with
    `id`, `name`, `size` in bytes, and `type` as their bytes show it. A submission with neither email nor phone is
    always a new lead.
    """
    gateway, key, form_id = request.app[GATEWAY_CONTEXT], request[API_KEY], path_id(request)
    form = await gateway.forms.get((key.workspace_id, form_id))
    async with _received_values(request, gateway, form) as (values, encoded):
        # Before the form is judged: a repeat gets the answer of the first request, even if the form has changed since.
        item = new_journal_item(
            key, {}, idempotency_key(request), channel=f"form:{form_id}", sent_value=comparable_values(values)
        )
        verdict = await replayed_verdict(gateway, item)
        if verdict is None:
            lead = _lead_with_form(_require_active(form), values, encoded)
            item.source, item.body = lead["source"], orjson.dumps(lead)
    if verdict is None:
        verdict = (await gateway.intake.submit_all([item], Lane.WAITED_FOR, seconds_to_wait(request.headers)))[0]
    request[LOG_FIELDS] = {"submission_id": item.id, "lead_id": verdict and verdict.lead_id, "form_id": form_id}
    return response_for(item, verdict)


def _require_active(form: FormDefinition | None) -> FormDefinition:
    if form is None or not form.is_active:
        raise NotFound("There is no such form, or it takes no submissions.")
    return form


@asynccontextmanager
async def _received_values(
    request: web.Request, gateway: Gateway, form: FormDefinition | None
) -> AsyncIterator[tuple[dict[str, Any], bool]]:
    """Yield the sent values by key, and whether a web form encoded them. Files are removed again if the block raises.

    Raises BadRequest or UnsupportedMediaType.
    """
    media = media_type(request)
    if media == MULTIPART_MEDIA_TYPE:
        async with received_files(request, gateway, form if form and form.is_active else None) as pairs:
            yield _readable(parse_brackets, pairs), True
        return
    if media not in (JSON_MEDIA_TYPE, FORM_MEDIA_TYPE):
        raise UnsupportedMediaType(f"Send {JSON_MEDIA_TYPE}, {FORM_MEDIA_TYPE} or {MULTIPART_MEDIA_TYPE}.")
    body = await read_request_body(request, gateway.settings.body_limit)
    if media == FORM_MEDIA_TYPE:
        yield _readable(read_form, body), True
    else:
        yield _readable(_read_object, body), False


def _readable(read: Callable[[T], dict[str, Any]], body: T) -> dict[str, Any]:
    try:
        return read(body)
    except MalformedBody as error:
        raise BadRequest(str(error)) from error


def _read_object(body: bytes) -> dict[str, Any]:
    return _require_object(parse_json(body) if body.strip() else {})


def _require_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedBody("The body must be a JSON object.")
    return value


def _lead_with_form(form: FormDefinition, sent_values: dict[str, Any], encoded: bool) -> dict[str, Any]:
    """Return the lead that the form describes, together with the form as it was sent."""
    try:
        values, lead = fill_form(form, sent_values, encoded=encoded)
    except InvalidFields as error:
        raise ValidationFailed(error.errors) from error
    lead[FORM_PART] = {"id": form.id, "values": values, "policy": form.settings["merge_policy"]}
    if files := stored_files(sent_values, values):
        lead[FORM_PART]["files"] = files
    return lead
