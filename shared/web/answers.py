"""Responses: JSON made by orjson, and errors in the envelope of the API's contract."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from shared.errors import ApiError

JSON = "application/json"


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response. `data` is anything orjson accepts; datetimes become ISO 8601 with their offset."""
    return web.Response(body=orjson.dumps(data), status=status, content_type=JSON, headers=headers)


def render(error: ApiError, request_id: str) -> web.Response:
    """Return the response to an error."""
    return answer(envelope(error, request_id), error.status, error.headers)


def envelope(error: ApiError, request_id: str) -> dict[str, Any]:
    """Return the body of an error. For a server error it holds the request's id, so that a client can quote it."""
    body = error.body()
    if error.status >= 500:
        body["request_id"] = request_id
    return body
