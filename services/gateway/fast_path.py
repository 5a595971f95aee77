"""`POST /api/inbound/leads` on the fast path: the ordinary request of a source that sends many leads.

It takes JSON sent with a key in memory, when nothing has to be looked up: no idempotency key, no dry run, no unusual
spelling. The steps and their order are those of the middleware and of `receive_lead`, made of the same parts.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.handlers import response_parts
from services.gateway.inbound_request import JSON_MEDIA_TYPE, new_journal_item, read_lead
from services.gateway.intake import SubmissionIntake
from services.gateway.prefer_header import seconds_to_wait
from services.gateway.verdict_waiters import SubmissionOutcome
from shared.auth.api_keys import ApiKeyCache, AuthenticatedKey
from shared.auth.key_format import hash_key
from shared.auth.rate_limit import RateLimiter, unlimited_usage
from shared.intake.journal import JournalItem, Lane
from shared.platform.errors import ApiError, ServerError
from shared.platform.observability import logging
from shared.platform.web.fast_path.connection import (
    FastPathConnection,
    HeadHandler,
    ReadBody,
    SendResponse,
    header_lines,
    serialise_response,
)
from shared.platform.web.fast_path.self_check import find_fast_path_problem
from shared.platform.web.http_connection import MAKE_CONNECTION
from shared.platform.web.response_headers import CORS_HEADERS, new_request_id, sent_request_id
from shared.platform.web.responses import error_body
from shared.service_app.access_log import AccessLog
from shared.service_app.middleware import ACCESS_LOG, API_KEYS, RATE_LIMITER
from shared.service_app.stop_notice import STOP_NOTICE, StopNotice

log = logging.get_logger()

LEADS_ROUTE = "/api/inbound/leads"
LEADS_ADDRESS_PREFIX = f"{LEADS_ROUTE}?tenant="
SUBMIT_SCOPE, WRITE_SCOPE = "submit:leads", "write:leads"  # one of the two is enough
BEARER_PREFIX = "Bearer "
# Headers that ask for more than the fast path does.
UNSUPPORTED_HEADERS = (hdrs.CONTENT_ENCODING, hdrs.EXPECT, "Idempotency-Key")

COMMON_HEADER_LINES = f"Content-Type: {JSON_MEDIA_TYPE}\r\n{header_lines(CORS_HEADERS)}"  # header lines of every answer


async def enable_fast_path(app: web.Application) -> None:
    """Let ordinary leads take the fast path through this application, if it fits the installed aiohttp."""
    if problem := await find_fast_path_problem():
        log.warning("fast_path.off", reason=problem)
        return
    gateway = app[GATEWAY_CONTEXT]
    limit = gateway.settings.body_limit
    leads = LeadFastPath(gateway.intake, app[API_KEYS], app[RATE_LIMITER], app[ACCESS_LOG], limit, app[STOP_NOTICE])
    app[MAKE_CONNECTION] = partial(FastPathConnection, fast_path=leads)


@dataclass(frozen=True)
class LeadFastPath:
    """The fast path of one gateway process: takes leads from its connections."""

    intake: SubmissionIntake
    keys: ApiKeyCache
    limiter: RateLimiter
    access_log: AccessLog
    body_limit: int
    notice: StopNotice

    def handler_for(self, message: RawRequestMessage) -> HeadHandler | None:
        """Return what takes the leads with this head, or None if the head is not ordinary."""
        headers = message.headers
        if message.method != hdrs.METH_POST or not message.path.startswith(LEADS_ADDRESS_PREFIX):
            return None
        if headers.get(hdrs.CONTENT_TYPE, JSON_MEDIA_TYPE) != JSON_MEDIA_TYPE or not headers[hdrs.HOST].isascii():
            return None
        authorization = headers.get(hdrs.AUTHORIZATION, "")
        if not authorization.startswith(BEARER_PREFIX) or any(name in headers for name in UNSUPPORTED_HEADERS):
            return None
        return _LeadHeadHandler(self, message, hash_key(authorization[len(BEARER_PREFIX) :]))

    def charge_rate_limit(self, key: AuthenticatedKey) -> str | None:
        """Count the request and return the header lines of the key's rate limit; None if Redis has to be asked."""
        usage = unlimited_usage() if key.limit is None else self.limiter.hit_local(key.id, key.limit)
        return usage and usage.header_lines()


class _LeadHeadHandler:
    """Takes the leads that come with one head. Everything that may change is checked at each request."""

    def __init__(self, fast_path: LeadFastPath, message: RawRequestMessage, key_digest: bytes) -> None:
        self._fast_path = fast_path
        self._key_digest = key_digest
        self._tenant = message.path[len(LEADS_ADDRESS_PREFIX) :]
        self._sent_request_id = sent_request_id(message.headers)
        self._wait_seconds = seconds_to_wait(message.headers)

    def begin_request(self, size: int, send: SendResponse) -> ReadBody | None:
        fast_path = self._fast_path
        if fast_path.notice.is_given:  # aiohttp's path ends the connection
            return None
        key = fast_path.keys.get_cached_by_digest(self._key_digest)
        if key is None or key.workspace_slug != self._tenant or size > fast_path.body_limit:
            return None
        if not (key.has_scope(SUBMIT_SCOPE) or key.has_scope(WRITE_SCOPE)):
            return None
        limits = fast_path.charge_rate_limit(key)
        if limits is None:
            return None
        return _LeadRequest(
            fast_path, key, limits, send, self._sent_request_id or new_request_id(), self._wait_seconds
        ).read_body


class _LeadRequest:
    """A request under way on the fast path."""

    __slots__ = (
        "_fast_path",
        "_item",
        "_key",
        "_rate_limit_lines",
        "_request_id",
        "_send",
        "_started_at",
        "_wait_seconds",
    )

    def __init__(
        self,
        fast_path: LeadFastPath,
        key: AuthenticatedKey,
        limits: str,
        send: SendResponse,
        request_id: str,
        seconds: float,
    ) -> None:
        self._started_at = time.perf_counter()
        self._fast_path = fast_path
        self._key = key
        self._rate_limit_lines = limits
        self._send = send
        self._request_id = request_id
        self._wait_seconds = seconds  # how long the caller waits
        self._item: JournalItem

    def read_body(self, body: bytes) -> None:
        """Read the lead and have it stored, or refuse it."""
        try:
            item = self._item = new_journal_item(self._key, read_lead(JSON_MEDIA_TYPE, body), None)
        except Exception as error:
            self._send_error(error)
        else:
            if self._wait_seconds:
                self._fast_path.intake.submit_and_wait(item, Lane.WAITED_FOR, self._wait_seconds, self._send_outcome)
            else:
                self._fast_path.intake.submit(item, Lane.PROMPT, self._send_outcome)

    def _send_outcome(self, outcome: SubmissionOutcome) -> None:
        """Answer with the outcome of the submission. Raises nothing: further callers are answered after it."""
        try:
            if isinstance(outcome, ApiError):
                raise outcome
            status, body, headers = response_parts(self._item, outcome)
            notes = {"submission_id": self._item.id, "lead_id": outcome and outcome.lead_id}
            self._send_response(status, header_lines(headers), orjson.dumps(body), notes)
        except Exception as error:
            self._send_error(error)

    def _send_error(self, error: Exception) -> None:
        if not isinstance(error, ApiError):
            log.exception("request.failed", request_id=self._request_id, method=hdrs.METH_POST, route=LEADS_ROUTE)
            error = ServerError()
        self._send_response(
            error.status, header_lines(error.headers), orjson.dumps(error_body(error, self._request_id)), {}
        )

    def _send_response(self, status: int, lines: str, body: bytes, notes: dict[str, Any]) -> None:
        self._send(
            serialise_response(
                status,
                f"{lines}X-Request-Id: {self._request_id}\r\n{self._rate_limit_lines}{COMMON_HEADER_LINES}",
                body,
            )
        )
        seconds = time.perf_counter() - self._started_at
        notes["request_id"] = self._request_id
        self._fast_path.access_log.record_request(hdrs.METH_POST, LEADS_ROUTE, status, seconds, self._key, notes)
