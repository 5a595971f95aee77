"""Answers: JSON by orjson, errors in the contract's envelope."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from shared.errors import ApiError

JSON = "application/json"


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer; `data` is what orjson takes (datetimes come out in ISO 8601 with their offset)."""
    return web.Response(body=orjson.dumps(data), status=status, content_type=JSON, headers=headers)


def render(error: ApiError, request_id: str) -> web.Response:
    """An error's answer."""
    return answer(envelope(error, request_id), error.status, error.headers)


def envelope(error: ApiError, request_id: str) -> dict[str, Any]:
    """An error's body; of one that is our fault it holds the request's id, to be quoted to us."""
    body = error.body()
    if error.status >= 500:
        body["request_id"] = request_id
    return body
