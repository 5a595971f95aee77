"""The one middleware: request id, CORS, key, scope, rate limit, errors, headers, metrics and the access line.

There is one because each middleware costs every request a call and a closure. The order of these steps is part of the
API's contract, so it should be readable in one place.
"""

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

from shared import logging
from shared.db import is_unavailable
from shared.errors import (
    ApiError,
    BadRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServerError,
    ServiceUnavailable,
    Unauthorized,
)
from shared.keys import Key, KeyRing
from shared.ratelimit import RateLimiter, unlimited
from shared.web.access import KEY, PUBLIC, require, scope_of
from shared.web.access_log import AccessLog
from shared.web.answers import render
from shared.web.bodies import is_encoded

log = logging.get()

KEYS = web.AppKey("keys", KeyRing)
LIMITER = web.AppKey("limiter", RateLimiter)
ACCESS_LOG = web.AppKey("access_log", AccessLog)

LIMIT_HEADERS = web.RequestKey("limit_headers", dict[str, str])
NOTES = web.RequestKey("notes", dict[str, Any])  # fields that a handler adds to the request's log line

SANE_ID = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}").fullmatch
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, Prefer, Idempotency-Key, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, "
    "Location, X-Request-Id, Idempotent-Replayed",
}

NO_KEY = "The API key is missing. Send it as 'Authorization: Bearer lh_…'."
NO_BEARER = "The Authorization header is malformed. Send the API key as 'Authorization: Bearer lh_…'."
NOTHING = "There is nothing at this address."
SLASH = f"{NOTHING} No address here ends with a slash."
AWAY = "The database is away or too slow just now. Send the request again in a moment."

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def pipeline(request: web.Request, handler: Next) -> web.StreamResponse:
    """Answer every request, even if the handler fails."""
    started = time.perf_counter()
    request_id = sent_request_id(request.headers) or new_request_id()
    response = await _respond(request, handler, request_id)
    _complete(request, response, request_id)
    _record(request, response, request_id, time.perf_counter() - started)
    return response


async def _respond(request: web.Request, handler: Next, request_id: str) -> web.StreamResponse:
    try:
        if request.method == hdrs.METH_OPTIONS and request.path.startswith("/api"):
            return web.Response(status=204, headers=PREFLIGHT)
        scope = PUBLIC if request.method == hdrs.METH_OPTIONS else scope_of(request)
        if scope != PUBLIC:
            require(await _enter(request), scope)
        _check_encoding(request)
        return await handler(request)
    except ApiError as error:
        return render(error, request_id)
    except web.HTTPException as error:
        return render(_translated(error, request.path), request_id)
    except Exception as error:
        if is_unavailable(error):
            log.warning("request.database_away", request_id=request_id, route=_route(request), error=_name(error))
            return render(ServiceUnavailable(AWAY), request_id)
        log.exception("request.failed", request_id=request_id, method=request.method, route=_route(request))
        return render(ServerError(), request_id)


def _name(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def _check_encoding(request: web.Request) -> None:
    """Raise BadRequest for a query or a host that is not UTF-8: aiohttp would repair it silently."""
    query = request.raw_path.partition("?")[2]
    try:
        if "%" in query:
            unquote_to_bytes(query).decode()
        request.host.encode()
    except UnicodeError:
        raise BadRequest("The address or the Host header is not valid UTF-8.") from None


async def _enter(request: web.Request) -> Key:
    """Find the request's key and count the request. Raises Unauthorized, RateLimited or ServiceUnavailable."""
    secret = _secret_of(request)
    key = request[KEY] = await request.app[KEYS].find(secret)
    if key.limit is None:
        request[LIMIT_HEADERS] = unlimited().headers()
    else:
        request[LIMIT_HEADERS] = (await request.app[LIMITER].charge(key.id, key.limit)).headers()
    return key


def _secret_of(request: web.Request) -> str:
    """Return the secret that was sent. Raises Unauthorized without one."""
    scheme, _, secret = request.headers.get(hdrs.AUTHORIZATION, "").strip().partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise Unauthorized(NO_BEARER)
    if not secret.strip():
        raise Unauthorized(NO_KEY)
    return secret.strip()


def _translated(error: web.HTTPException, path: str) -> ApiError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(headers={"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return PayloadTooLarge()
    return NotFound(SLASH if path.endswith("/") else NOTHING) if error.status == 404 else BadRequest()


def _complete(request: web.Request, response: web.StreamResponse, request_id: str) -> None:
    headers = response.headers
    headers["X-Request-Id"] = request_id
    headers.update(request.get(LIMIT_HEADERS, {}))
    if request.path.startswith("/api"):
        headers.update(CORS)
    if _ends_connection(request, response):
        response.force_close()


def _ends_connection(request: web.Request, response: web.StreamResponse) -> bool:
    """Return whether the rest of the body is unwanted, or its end unknown."""
    if response.status < 400:
        return False
    if response.status in (408, 413) or hdrs.CONNECTION in response.headers:
        return True
    return is_encoded(request) and not request.content.at_eof()


def sent_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that the client gave its request, if it is a valid one."""
    sent = headers.get("X-Request-Id")
    return sent if sent and SANE_ID(sent) else None


def new_request_id() -> str:
    """Return an id for a request that came without one."""
    return os.urandom(12).hex()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "-"


def _record(request: web.Request, response: web.StreamResponse, request_id: str, seconds: float) -> None:
    notes = {"request_id": request_id, **request.get(NOTES, {})}
    request.app[ACCESS_LOG].add(request.method, _route(request), response.status, seconds, request.get(KEY), notes)
