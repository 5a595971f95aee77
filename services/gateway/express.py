"""`POST /api/inbound/leads` on the fast path: the ordinary request of a source that sends many leads.

It takes JSON sent with a key in memory, when nothing has to be looked up: no idempotency key, no dry run, no unusual
spelling. The steps and their order are those of the middleware and of `receive_lead`, made of the same parts.
"""

import time
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage

from services.gateway.handlers import told
from services.gateway.intake import Intake
from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import JSON, new_item, read_lead
from services.gateway.state import GATEWAY
from services.gateway.waiting import Outcome
from shared import logging
from shared.errors import ApiError, ServerError
from shared.journal import Item, Lane
from shared.keys import Key, KeyRing
from shared.ratelimit import RateLimiter, unlimited
from shared.security import digest
from shared.web.access_log import AccessLog
from shared.web.answers import envelope
from shared.web.fast_path.connection import EXPRESS, Read, Send, Taker, lines_of, wire
from shared.web.pipeline import ACCESS_LOG, CORS, KEYS, LIMITER, new_request_id, sent_request_id

log = logging.get()

ROUTE = "/api/inbound/leads"
ADDRESS = f"{ROUTE}?tenant="
SCOPE, OTHER_SCOPE = "submit:leads", "write:leads"  # one of the two is enough
PREFIX = "Bearer "
UNUSUAL = (hdrs.CONTENT_ENCODING, hdrs.EXPECT, "Idempotency-Key")  # headers that ask for more than the fast path does

STANDING = f"Content-Type: {JSON}\r\n{lines_of(CORS)}"  # header lines of every answer


async def open_express(app: web.Application) -> None:
    """Let ordinary leads take the fast path through this application."""
    gateway = app[GATEWAY]
    limit = gateway.settings.body_limit
    app[EXPRESS] = LeadExpress(gateway.intake, app[KEYS], app[LIMITER], app[ACCESS_LOG], limit)


@dataclass(frozen=True)
class LeadExpress:
    """The fast path of one gateway process: takes leads from its connections."""

    intake: Intake
    keys: KeyRing
    limiter: RateLimiter
    access_log: AccessLog
    body_limit: int

    def taker_of(self, message: RawRequestMessage) -> Taker | None:
        """Return what takes the leads with this head, or None if the head is not ordinary."""
        headers = message.headers
        if message.method != hdrs.METH_POST or not message.path.startswith(ADDRESS):
            return None
        if headers.get(hdrs.CONTENT_TYPE, JSON) != JSON or not headers[hdrs.HOST].isascii():
            return None
        sent = headers.get(hdrs.AUTHORIZATION, "")
        if not sent.startswith(PREFIX) or any(name in headers for name in UNUSUAL):
            return None
        return _Taker(self, message, digest(sent[len(PREFIX) :]))

    def limits(self, key: Key) -> str | None:
        """Count the request and return the header lines of the key's rate limit; None if Redis has to be asked."""
        usage = unlimited() if key.limit is None else self.limiter.charge_claimed(key.id, key.limit)
        return usage and usage.lines()


class _Taker:
    """Takes the leads that come with one head. Everything that may change is checked at each request."""

    def __init__(self, fast_path: LeadExpress, message: RawRequestMessage, key_digest: bytes) -> None:
        self._fast_path = fast_path
        self._key_digest = key_digest
        self._tenant = message.path[len(ADDRESS) :]
        self._sent_request_id = sent_request_id(message.headers)
        self._wait_seconds = seconds_to_wait(message.headers)

    def begin(self, size: int, send: Send) -> Read | None:
        fast_path = self._fast_path
        key = fast_path.keys.known_by(self._key_digest)
        if key is None or key.workspace_slug != self._tenant or size > fast_path.body_limit:
            return None
        if not (key.may(SCOPE) or key.may(OTHER_SCOPE)):
            return None
        limits = fast_path.limits(key)
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
        self, fast_path: LeadExpress, key: Key, limits: str, send: Send, request_id: str, seconds: float
    ) -> None:
        self._started_at = time.perf_counter()
        self._fast_path = fast_path
        self._key = key
        self._rate_limit_lines = limits
        self._send = send
        self._request_id = request_id
        self._wait_seconds = seconds  # how long the caller waits
        self._item: Item

    def read_body(self, body: bytes) -> None:
        """Read the lead and have it stored, or refuse it."""
        try:
            item = self._item = new_item(self._key, read_lead(JSON, body), None)
        except Exception as error:
            self._send_error(error)
        else:
            if self._wait_seconds:
                self._fast_path.intake.take_and_wait(item, Lane.WAITED_FOR, self._wait_seconds, self._send_outcome)
            else:
                self._fast_path.intake.take(item, Lane.PROMPT, self._send_outcome)

    def _send_outcome(self, outcome: Outcome) -> None:
        """Answer with the outcome of the submission. Raises nothing: further callers are answered after it."""
        try:
            if isinstance(outcome, ApiError):
                raise outcome
            status, body, headers = told(self._item, outcome)
            notes = {"submission_id": self._item.id, "lead_id": outcome and outcome.lead_id}
            self._send_response(status, lines_of(headers), orjson.dumps(body), notes)
        except Exception as error:
            self._send_error(error)

    def _send_error(self, error: Exception) -> None:
        if not isinstance(error, ApiError):
            log.exception("request.failed", request_id=self._request_id, method=hdrs.METH_POST, route=ROUTE)
            error = ServerError()
        self._send_response(error.status, lines_of(error.headers), orjson.dumps(envelope(error, self._request_id)), {})

    def _send_response(self, status: int, lines: str, body: bytes, notes: dict[str, Any]) -> None:
        self._send(wire(status, f"{lines}X-Request-Id: {self._request_id}\r\n{self._rate_limit_lines}{STANDING}", body))
        seconds = time.perf_counter() - self._started_at
        notes["request_id"] = self._request_id
        self._fast_path.access_log.add(hdrs.METH_POST, ROUTE, status, seconds, self._key, notes)
