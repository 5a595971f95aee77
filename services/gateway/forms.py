"""`POST /api/v1/forms/{id}/submissions`: a form filled in by another program."""

from typing import Any

import orjson
from aiohttp import web

from services.gateway.handlers import answer_of, repeated
from services.gateway.multipart import read_multipart
from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import FORM, JSON, body_of, idempotency_key, media_type, new_item
from services.gateway.shapes import FormValues, InboundAnswer, InboundHeaders
from services.gateway.state import GATEWAY, Gateway
from shared.errors import BadRequest, NotFound, UnsupportedMediaType, ValidationFailed
from shared.forms.definition import Form
from shared.forms.filling import fill
from shared.journal import Lane
from shared.keys import Key
from shared.leads.forms import nested, read_form
from shared.leads.inbound import Malformed, Unacceptable, parse
from shared.leads.submission import FORM as FORM_PART
from shared.web.access import KEY, needs
from shared.web.describe import gives, heeds, takes
from shared.web.paths import id_in
from shared.web.pipeline import NOTES

MULTIPART = "multipart/form-data"


@needs("submit:leads", "write:forms", "write:leads")
@heeds(InboundHeaders)
@takes(
    FormValues, media=(JSON, FORM, MULTIPART), example={"email": "katherine@example.com", "message": "Please call me."}
)
@gives(InboundAnswer, status=201, envelope=False, other_statuses=(202, 404, 409))
async def receive_submission(request: web.Request) -> web.Response:
    """Fill in a form. The answer is that of inbound leads.

    Values are checked against the form's fields. The name, size and type of an uploaded file are kept. A submission
    with neither email nor phone is always a new lead.
    """
    gateway = request.app[GATEWAY]
    key = request[KEY]
    form_id, sent_key = id_in(request), idempotency_key(request)
    sent, encoded = await _read(request)
    item = new_item(key, {}, sent_key, channel=f"form:{form_id}", sent=sent)
    # Before the form is read: a repeat gets the answer of the first request, even if the form has changed since.
    verdict = await repeated(gateway, item)
    if verdict is None:
        lead = _lead(await _form(gateway, key, form_id), sent, encoded)
        item.source, item.body = lead["source"], orjson.dumps(lead)
        verdict = (await gateway.intake.accept([item], Lane.WAITED_FOR, seconds_to_wait(request.headers)))[0]
    request[NOTES] = {"submission_id": item.id, "lead_id": verdict and verdict.lead_id, "form_id": form_id}
    return answer_of(item, verdict)


async def _form(gateway: Gateway, key: Key, form_id: int) -> Form:
    form = await gateway.forms.find((key.workspace_id, form_id))
    if form is None or not form.is_active:
        raise NotFound("There is no such form, or it takes no submissions.")
    return form


async def _read(request: web.Request) -> tuple[dict[str, Any], bool]:
    """Return the sent values by key, and whether a web form encoded them.

    Raises BadRequest or UnsupportedMediaType.
    """
    media = media_type(request)
    if media not in (JSON, FORM, MULTIPART):
        raise UnsupportedMediaType(f"Send {JSON}, {FORM} or {MULTIPART}.")
    body = await body_of(request, request.app[GATEWAY].settings.body_limit)
    try:
        if media == JSON:
            return _object(parse(body) if body.strip() else {}), False
        if media == FORM:
            return read_form(body), True
        return nested(await read_multipart(request, body)), True
    except Malformed as error:
        raise BadRequest(str(error)) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


def _lead(form: Form, sent: dict[str, Any], encoded: bool) -> dict[str, Any]:
    """Return the lead that the form describes, together with the form as it was sent."""
    try:
        values, lead = fill(form, sent, encoded=encoded)
    except Unacceptable as error:
        raise ValidationFailed(error.errors) from error
    lead[FORM_PART] = {"id": form.id, "values": values, "policy": form.settings["merge_policy"]}
    return lead
