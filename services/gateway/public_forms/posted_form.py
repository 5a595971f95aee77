"""Read a visitor's post: the values of the fields, and the hidden inputs that belong to the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.gateway.context import Gateway
from services.gateway.inbound_request import FORM_MEDIA_TYPE, JSON_MEDIA_TYPE, media_type, read_request_body
from services.gateway.multipart import received_files
from services.gateway.public_forms.form_counts import SOURCE_PARAMETER
from services.gateway.public_forms.visitor_text import storable_text
from shared.forms.definition import FormDefinition
from shared.leads.form_encoding import MalformedBody, parse_brackets, read_form
from shared.leads.inbound import parse_json
from shared.platform.errors import BadRequest, UnsupportedMediaType
from shared.spam.honeypot import trap_names

MULTIPART_TYPE = "multipart/form-data"
POSTED_TYPES = (FORM_MEDIA_TYPE, MULTIPART_TYPE, JSON_MEDIA_TYPE)
MAX_HIDDEN_LENGTH = 20_000  # characters of a hidden input
MAX_KEY_LENGTH = 255  # characters of an idempotency key


@dataclass(frozen=True, slots=True)
class PostedForm:
    """A post. `sent` are the values of the form's fields as they came; `is_encoded`: by a form, not as JSON.

    The others are hidden inputs of the page: the idempotency key, the touch token, the proof of work, the address of
    the page, JSON about first and last touch, the label of the source under which the page view was counted.
    `is_trap_filled`: an input that no visitor sees has a value.
    """

    sent: dict[str, Any]
    is_encoded: bool
    key: str | None
    token: str
    proof: str
    page_url: str
    attribution: str
    source: str
    is_trap_filled: bool


@asynccontextmanager
async def read_post(request: web.Request, gateway: Gateway, form: FormDefinition) -> AsyncIterator[PostedForm]:
    """Yield what was posted. Files are on disk by then; if the block raises, they are removed.

    Raises BadRequest, UnsupportedMediaType, PayloadTooLarge, RequestTimeout and ServiceUnavailable.
    """
    media = media_type(request)
    if media == MULTIPART_TYPE:
        async with received_files(request, gateway, form) as pairs:
            try:
                values = parse_brackets(pairs)
            except MalformedBody as error:
                raise BadRequest(str(error)) from error
            yield _posted_form(form, values, is_encoded=True)
    else:
        yield _posted_form(form, await _read_values(request, gateway, media), is_encoded=media == FORM_MEDIA_TYPE)


async def _read_values(request: web.Request, gateway: Gateway, media: str) -> dict[str, Any]:
    if media not in POSTED_TYPES:
        raise UnsupportedMediaType(f"Send {', '.join(POSTED_TYPES[:-1])} or {POSTED_TYPES[-1]}.")
    body = await read_request_body(request, gateway.settings.body_limit)
    try:
        values = read_form(body) if media == FORM_MEDIA_TYPE else parse_json(body) if body.strip() else {}
        if not isinstance(values, dict):
            raise MalformedBody("The body must be a JSON object.")
    except MalformedBody as error:
        raise BadRequest(str(error)) from error
    return values


def _posted_form(form: FormDefinition, values: dict[str, Any], *, is_encoded: bool) -> PostedForm:
    keys = {field["key"] for field in form.fields}
    key = _hidden_text(values, "_key").strip()
    return PostedForm(
        sent={name: value for name, value in values.items() if name in keys},
        is_encoded=is_encoded,
        key=key if 0 < len(key) <= MAX_KEY_LENGTH and key.isprintable() else None,
        token=_hidden_text(values, "_token"),
        proof=_hidden_text(values, "_altcha"),
        page_url=_hidden_text(values, "_page"),
        attribution=_hidden_text(values, "_attribution"),
        source=_hidden_text(values, SOURCE_PARAMETER),
        is_trap_filled=any(_hidden_text(values, name).strip() for name in trap_names(form)),
    )


def _hidden_text(values: dict[str, Any], name: str) -> str:
    """Return a hidden input as text. The last one of several counts, and one that is too long counts as empty."""
    value = values.get(name)
    if isinstance(value, list):
        value = value[-1] if value else None
    return storable_text(value) if isinstance(value, str) and len(value) <= MAX_HIDDEN_LENGTH else ""
