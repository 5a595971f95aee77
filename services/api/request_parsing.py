"""Reading a request of the API: the body and the query, each as the handler's description says."""

from typing import Any

from aiohttp import hdrs, web

from services.api.context import SETTINGS_KEY
from shared.auth.api_keys import AuthenticatedKey
from shared.leads.inbound import MalformedBody, parse_json
from shared.platform.errors import BadRequest, FieldErrors, UnsupportedMediaType, ValidationFailed
from shared.platform.validation.schema import escape_unstorable
from shared.platform.web.openapi import operation_description
from shared.platform.web.request_body import read_body
from shared.platform.web.responses import JSON_MEDIA_TYPE
from shared.service_app.audit import audit_details, is_audited
from shared.service_app.authorization import API_KEY

IGNORED_FIELDS = web.RequestKey("ignored_fields", list[str])  # names of the body's fields that changed nothing
MAX_IGNORED_FIELDS = 100  # that are named


def key_of(request: web.Request) -> AuthenticatedKey:
    """Return the request's key."""
    return request[API_KEY]


def workspace_of(request: web.Request) -> int:
    """Return the workspace id of the request's key: the only workspace that the request may see."""
    return key_of(request).workspace_id


async def body_of(request: web.Request) -> Any:
    """Return the valid fields of the body, as the handler describes them.

    Raises ValidationFailed, BadRequest for a body that is no JSON object, and UnsupportedMediaType.
    """
    fields, errors = await body_and_errors(request)
    raise_if_invalid(errors)
    return fields


async def optional_body_of(request: web.Request) -> Any:
    """Return the valid fields of the body, none if there is no body, whatever its type. Raises as `body_of` does."""
    return await body_of(request) if request.can_read_body else {}


async def body_and_errors(request: web.Request) -> tuple[Any, FieldErrors]:
    """Return the valid fields and the errors of the others, for a handler that has more to check."""
    shape = operation_description(request.match_info.handler).body_schema
    assert shape is not None  # noqa: S101  # a handler that reads a body says what it takes
    fields, errors = shape.validate_fields(await json_of(request))
    if isinstance(fields, dict) and is_audited(request):
        audit_details(request, after=fields)
    return fields, errors


async def json_of(request: web.Request) -> dict[str, Any]:
    """Return the body as an unchecked JSON object. An empty body is an empty object."""
    if (
        request.headers.get(hdrs.CONTENT_TYPE) or JSON_MEDIA_TYPE
    ) != JSON_MEDIA_TYPE and request.content_type != JSON_MEDIA_TYPE:
        raise UnsupportedMediaType(f"Send {JSON_MEDIA_TYPE}.")
    settings = request.app[SETTINGS_KEY]
    body = await read_body(request, settings.body_limit, settings.body_timeout)
    try:
        value = parse_json(body) if body.strip() else {}
    except MalformedBody as error:
        raise BadRequest(str(error)) from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    _note_ignored(request, value)
    return value


def _note_ignored(request: web.Request, body: dict[str, Any]) -> None:
    """Note the fields that the handler does not take, for the response."""
    shape = operation_description(request.match_info.handler).body_schema
    known = shape.fields.__annotations__ if shape else {}
    request[IGNORED_FIELDS] = [escape_unstorable(name) for name in body if name not in known][:MAX_IGNORED_FIELDS]


def query_of(request: web.Request) -> Any:
    """Return the query parameters that the handler describes. Raises ValidationFailed."""
    errors: FieldErrors = {}
    fields = query_and_errors(request, errors)
    raise_if_invalid(errors)
    return fields


def query_and_errors(request: web.Request, errors: FieldErrors) -> Any:
    """Return the valid query parameters. Errors go into `errors`. An empty parameter counts as null."""
    shape = operation_description(request.match_info.handler).query_schema
    assert shape is not None  # noqa: S101
    fields, wrong = shape.validate_fields(request.query)
    errors |= wrong
    return {name: value for name, value in fields.items() if value is not None}


def raise_if_invalid(errors: FieldErrors) -> None:
    """Raise ValidationFailed if there are errors."""
    if errors:
        raise ValidationFailed(errors)
