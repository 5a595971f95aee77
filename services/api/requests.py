"""Reading a request of the API: the body and the query, each as the handler's description says."""

from typing import Any

from aiohttp import hdrs, web

from services.api.state import SETTINGS
from shared.errors import BadRequest, Fields, UnsupportedMediaType, ValidationFailed
from shared.keys import Key
from shared.leads.inbound import Malformed, parse
from shared.web.access import KEY
from shared.web.answers import JSON
from shared.web.bodies import read_body
from shared.web.describe import description


def key_of(request: web.Request) -> Key:
    """Return the request's key."""
    return request[KEY]


def workspace_of(request: web.Request) -> int:
    """Return the workspace id of the request's key: the only workspace that the request may see."""
    return key_of(request).workspace_id


async def body_of(request: web.Request) -> Any:
    """Return the valid fields of the body, as the handler describes them.

    Raises ValidationFailed, BadRequest for a body that is no JSON object, and UnsupportedMediaType.
    """
    fields, errors = await body_and_errors(request)
    check(errors)
    return fields


async def body_and_errors(request: web.Request) -> tuple[Any, Fields]:
    """Return the valid fields and the errors of the others, for a handler that has more to check."""
    shape = description(request.match_info.handler).takes
    assert shape is not None  # noqa: S101  # a handler that reads a body says what it takes
    return shape.read(await json_of(request))


async def json_of(request: web.Request) -> dict[str, Any]:
    """Return the body as an unchecked JSON object. An empty body is an empty object."""
    if (request.headers.get(hdrs.CONTENT_TYPE) or JSON) != JSON and request.content_type != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    settings = request.app[SETTINGS]
    body = await read_body(request, settings.body_limit, settings.body_timeout)
    try:
        value = parse(body) if body.strip() else {}
    except Malformed as error:
        raise BadRequest(str(error)) from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    return value


def query_of(request: web.Request) -> Any:
    """Return the query parameters that the handler describes. Raises ValidationFailed."""
    errors: Fields = {}
    fields = query_and_errors(request, errors)
    check(errors)
    return fields


def query_and_errors(request: web.Request, errors: Fields) -> Any:
    """Return the valid query parameters. Errors go into `errors`. An empty parameter counts as null."""
    shape = description(request.match_info.handler).asks
    assert shape is not None  # noqa: S101
    fields, wrong = shape.read(request.query)
    errors |= wrong
    return {name: value for name, value in fields.items() if value is not None}


def check(errors: Fields) -> None:
    """Raise ValidationFailed if there are errors."""
    if errors:
        raise ValidationFailed(errors)
