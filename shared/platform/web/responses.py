"""Responses: JSON made by orjson, and errors in the envelope of the API's contract."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from shared.platform.errors import ApiError

JSON_MEDIA_TYPE = "application/json"


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response. `data` is anything orjson accepts; datetimes become ISO 8601 with their offset."""
    return web.Response(body=orjson.dumps(data), status=status, content_type=JSON_MEDIA_TYPE, headers=headers)


def error_response(error: ApiError, request_id: str) -> web.Response:
    """Return the response to an error."""
    return json_response(error_body(error, request_id), error.status, error.headers)


def error_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """Return the body of an error. For a server error it holds the request's id, so that a client can quote it."""
    body = error.response_body()
    if error.status >= 500:
        body["request_id"] = request_id
    return body
