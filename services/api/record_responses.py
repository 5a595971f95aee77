"""Responses with one record. They name the fields of the request's body that were left out."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.api.request_parsing import IGNORED_FIELDS
from shared.platform.web.responses import json_response


def record_response(
    request: web.Request, record: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a record, or another value that stands under `data`."""
    ignored = request.get(IGNORED_FIELDS)
    return json_response({"data": record, **({"meta": {"ignored": ignored}} if ignored else {})}, status, headers)


def created_response(request: web.Request, record: dict[str, Any], path: str) -> web.Response:
    """Return a new record of the list at that path."""
    return record_response(request, record, 201, {"Location": f"{path}/{record['id']}"})
