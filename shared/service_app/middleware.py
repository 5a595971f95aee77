"""The one middleware: request id, CORS, key, scope, rate limit, errors, headers, metrics and the access line.

There is one because each middleware costs every request a call and a closure. The order of these steps is part of the
API's contract, so it should be readable in one place.
"""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

from shared.auth.api_keys import ApiKeyCache, AuthenticatedKey
from shared.auth.rate_limit import RateLimiter, RateLimitUsage, unlimited_usage
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import (
    ApiError,
    BadRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServerError,
    ServiceUnavailable,
    Unauthorized,
)
from shared.platform.observability import logging
from shared.platform.web.query_names import check_query_names
from shared.platform.web.request_body import BODY_OWNER
from shared.platform.web.response_headers import (
    LIMIT_RESPONSE_HEADERS,
    LOG_FIELDS,
    PREFLIGHT_HEADERS,
    REQUEST_ID,
    complete_headers,
    new_request_id,
    sent_request_id,
)
from shared.platform.web.responses import error_response
from shared.service_app.access_log import AccessLog
from shared.service_app.audit import audit_request
from shared.service_app.authorization import API_KEY, PUBLIC_SCOPE, check_scope, required_scope
from shared.service_app.stop_notice import STOP_NOTICE

log = logging.get_logger()

API_KEYS = web.AppKey("keys", ApiKeyCache)
RATE_LIMITER = web.AppKey("limiter", RateLimiter)
ACCESS_LOG = web.AppKey("access_log", AccessLog)
IDLE_SECONDS = web.RequestKey("idle_seconds", float)  # of a request that waited for something to happen, on purpose
RATE_LIMIT_USAGE = web.RequestKey("rate_limit_usage", RateLimitUsage)  # of the key, with this request

MISSING_KEY_MESSAGE = "The API key is missing. Send it as 'Authorization: Bearer lh_…'."
MALFORMED_AUTHORIZATION_MESSAGE = (
    "The Authorization header is malformed. Send the API key as 'Authorization: Bearer lh_…'."
)
NO_SUCH_ADDRESS_MESSAGE = "There is nothing at this address."
TRAILING_SLASH_MESSAGE = f"{NO_SUCH_ADDRESS_MESSAGE} No address here ends with a slash."
DATABASE_AWAY_MESSAGE = "The database is away or too slow just now. Send the request again in a moment."

NextHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def request_middleware(request: web.Request, handler: NextHandler) -> web.StreamResponse:
    """Answer every request, even if the handler fails."""
    started = time.perf_counter()
    request_id = request[REQUEST_ID] = sent_request_id(request.headers) or new_request_id()
    response = await _respond_or_render_error(request, handler, request_id)
    complete_headers(request, response)
    if request.app[STOP_NOTICE].is_given:  # a proxy would send another request just as the connection is closed
        response.force_close()
    _record_request(request, response, request_id, time.perf_counter() - started - request.get(IDLE_SECONDS, 0.0))
    audit_request(request, response, request_id)
    return response


async def _respond_or_render_error(request: web.Request, handler: NextHandler, request_id: str) -> web.StreamResponse:
    try:
        if request.method == hdrs.METH_OPTIONS and request.path.startswith("/api"):
            return web.Response(status=204, headers=PREFLIGHT_HEADERS)
        scope = PUBLIC_SCOPE if request.method == hdrs.METH_OPTIONS else required_scope(request)
        if scope != PUBLIC_SCOPE:
            check_scope(await _authenticate_request(request), scope)
        _check_encoding(request)
        if scope != PUBLIC_SCOPE:  # providers and visitors add parameters of their own
            check_query_names(request)
        return await handler(request)
    except ApiError as error:
        return error_response(error, request_id)
    except web.HTTPException as error:
        return error_response(_as_api_error(error, request.path), request_id)
    except Exception as error:
        if is_unavailable(error):
            log.warning(
                "request.database_away", request_id=request_id, route=_route_pattern(request), error=_error_name(error)
            )
            return error_response(ServiceUnavailable(DATABASE_AWAY_MESSAGE), request_id)
        log.exception("request.failed", request_id=request_id, method=request.method, route=_route_pattern(request))
        return error_response(ServerError(), request_id)


def _error_name(error: Exception) -> str:
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


async def _authenticate_request(request: web.Request) -> AuthenticatedKey:
    """Find the request's key and count the request. Raises Unauthorized, RateLimited or ServiceUnavailable."""
    secret = _sent_secret(request)
    key = request[API_KEY] = await request.app[API_KEYS].authenticate(secret)
    request[BODY_OWNER] = key.workspace_id
    usage = unlimited_usage() if key.limit is None else await request.app[RATE_LIMITER].hit(key.id, key.limit)
    request[RATE_LIMIT_USAGE] = usage
    request[LIMIT_RESPONSE_HEADERS] = usage.headers()
    return key


async def check_key_again(request: web.Request) -> None:
    """Look whether the key of a request that waited still may call its handler.

    Raises Unauthorized, Forbidden or ServiceUnavailable.
    """
    key = await request.app[API_KEYS].authenticate(_sent_secret(request))
    check_scope(key, required_scope(request))


def _sent_secret(request: web.Request) -> str:
    """Return the secret that was sent. Raises Unauthorized without one."""
    scheme, _, secret = request.headers.get(hdrs.AUTHORIZATION, "").strip().partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise Unauthorized(MALFORMED_AUTHORIZATION_MESSAGE)
    if not secret.strip():
        raise Unauthorized(MISSING_KEY_MESSAGE)
    return secret.strip()


def _as_api_error(error: web.HTTPException, path: str) -> ApiError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(headers={"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return PayloadTooLarge()
    return (
        NotFound(TRAILING_SLASH_MESSAGE if path.endswith("/") else NO_SUCH_ADDRESS_MESSAGE)
        if error.status == 404
        else BadRequest()
    )


def _route_pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "-"


def _record_request(request: web.Request, response: web.StreamResponse, request_id: str, seconds: float) -> None:
    notes = {"request_id": request_id, **request.get(LOG_FIELDS, {})}
    request.app[ACCESS_LOG].record_request(
        request.method, _route_pattern(request), response.status, seconds, request.get(API_KEY), notes
    )
