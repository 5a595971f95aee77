"""Headers that every answer has: the request's id, CORS and the key's limits."""

import os
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from shared.platform.web.request_body import has_content_encoding

LIMIT_RESPONSE_HEADERS = web.RequestKey("limit_headers", dict[str, str])
REQUEST_ID = web.RequestKey("request_id", str)
LOG_FIELDS = web.RequestKey("notes", dict[str, Any])  # fields that a handler adds to the request's log line

MATCH_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}").fullmatch
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, Prefer, Idempotency-Key, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}
CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, "
    "Location, X-Request-Id, Idempotent-Replayed",
}


def complete_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has. A handler that streams its answer calls this before it begins."""
    headers = response.headers
    headers["X-Request-Id"] = request[REQUEST_ID]
    headers.update(request.get(LIMIT_RESPONSE_HEADERS, {}))
    if request.path.startswith("/api"):
        headers.update(CORS_HEADERS)
    if _ends_connection(request, response):
        response.force_close()


def _ends_connection(request: web.Request, response: web.StreamResponse) -> bool:
    """Return whether the rest of the body is unwanted, or its end unknown."""
    if response.status < 400:
        return False
    if response.status in (408, 413) or hdrs.CONNECTION in response.headers:
        return True
    return has_content_encoding(request) and not request.content.at_eof()


def sent_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that the client gave its request, if it is a valid one."""
    sent = headers.get("X-Request-Id")
    return sent if sent and MATCH_REQUEST_ID(sent) else None


def new_request_id() -> str:
    """Return an id for a request that came without one."""
    return os.urandom(12).hex()
