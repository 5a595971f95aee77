"""`POST /api/inbound/leads` on the express way: the ordinary request of a source that sends many.

What it takes is JSON from a key in memory, with nothing to look up: no idempotency key, no dry run, no odd spelling.
The steps and their order are those of the pipeline and of `receive_lead`, made of the same parts.
"""

import time
from typing import Any

import orjson
from aiohttp import StreamReader, hdrs
from aiohttp.http_parser import RawRequestMessage

from services.gateway.handlers import told
from services.gateway.intake import Intake
from services.gateway.preferences import seconds_to_wait
from services.gateway.requests import JSON, new_item, read_lead
from services.gateway.waiting import Outcome
from shared import logging
from shared.errors import ApiError, ServerError
from shared.journal import Item, Lane
from shared.keys import Key, KeyRing
from shared.ratelimit import RateLimiter
from shared.web.access_log import AccessLog
from shared.web.answers import envelope
from shared.web.express import Send, wire
from shared.web.pipeline import request_id_of, standing_headers, unlimited

log = logging.get()

ROUTE = "/api/inbound/leads"
SCOPE = "write:leads"
PREFIX = "Bearer "
UNUSUAL = (hdrs.CONTENT_ENCODING, hdrs.EXPECT, "Idempotency-Key")  # headers that ask for more than is done here


class LeadExpress:
    """Takes leads from the connections of one gateway process."""

    def __init__(
        self, intake: Intake, keys: KeyRing, limiter: RateLimiter, access_log: AccessLog, body_limit: int
    ) -> None:
        self._intake = intake
        self._keys = keys
        self._limiter = limiter
        self._access_log = access_log
        self._body_limit = body_limit

    def take(self, message: RawRequestMessage, payload: StreamReader, send: Send) -> bool:
        """Takes a request whose body is whole, if it is an ordinary one; counts it on its key's limit."""
        key = self._key_of(message)
        if key is None or not self._is_ordinary(message):
            return False
        limits = self._charge(key)
        if limits is None:
            return False
        one = _Request(key, message, limits, send, self._access_log)
        try:
            item = new_item(key, read_lead(JSON, payload.read_nowait()), None)
        except ApiError as error:
            one.refuse(error)
            return True
        except Exception:
            log.exception("request.failed", request_id=one.id, method=message.method, route=ROUTE)
            one.refuse(ServerError())
            return True
        one.item = item
        seconds = seconds_to_wait(message.headers)
        if seconds:
            self._intake.take_and_wait(item, Lane.WAITED_FOR, seconds, one.tell)
        else:
            self._intake.take(item, Lane.PROMPT, one.tell)
        return True

    def _key_of(self, message: RawRequestMessage) -> Key | None:
        if message.method != hdrs.METH_POST or not message.path.startswith(ROUTE):
            return None
        sent = message.headers.get(hdrs.AUTHORIZATION, "")
        key = self._keys.known(sent[len(PREFIX) :]) if sent.startswith(PREFIX) else None
        if key is None or not key.may(SCOPE) or message.path != f"{ROUTE}?tenant={key.workspace_slug}":
            return None
        return key

    def _is_ordinary(self, message: RawRequestMessage) -> bool:
        headers = message.headers
        if headers.get(hdrs.CONTENT_TYPE, JSON) != JSON or not headers[hdrs.HOST].isascii():
            return False
        if any(name in headers for name in UNUSUAL):
            return False
        return int(headers.get(hdrs.CONTENT_LENGTH, 0)) <= self._body_limit

    def _charge(self, key: Key) -> dict[str, str] | None:
        if key.limit is None:
            return unlimited()
        usage = self._limiter.charge_claimed(key.id, key.limit)
        return usage and usage.headers()


class _Request:
    """One request under way."""

    __slots__ = ("_access_log", "_key", "_limits", "_method", "_send", "_started", "id", "item")

    def __init__(
        self, key: Key, message: RawRequestMessage, limits: dict[str, str], send: Send, access_log: AccessLog
    ) -> None:
        self._started = time.perf_counter()
        self._key = key
        self._limits = limits
        self._send = send
        self._access_log = access_log
        self.id = request_id_of(message.headers)
        self.item: Item

    def tell(self, outcome: Outcome) -> None:
        """Answers with what became of the submission. Raises nothing: others wait behind it to be told."""
        try:
            self._tell(outcome)
        except ApiError as error:
            self.refuse(error)
        except Exception:
            log.exception("request.failed", request_id=self.id, method=hdrs.METH_POST, route=ROUTE)
            self.refuse(ServerError())

    def _tell(self, outcome: Outcome) -> None:
        if isinstance(outcome, ApiError):
            self.refuse(outcome)
            return
        status, body, headers = told(self.item, outcome)
        notes = {"submission_id": self.item.id, "lead_id": outcome and outcome.lead_id}
        self._answer(status, {**headers, "Content-Type": JSON}, orjson.dumps(body), notes)

    def refuse(self, error: ApiError) -> None:
        """Answers with an error."""
        body = orjson.dumps(envelope(error, self.id))
        self._answer(error.status, {**error.headers, "Content-Type": JSON}, body, {})

    def _answer(self, status: int, headers: dict[str, str], body: bytes, notes: dict[str, Any]) -> None:
        headers |= standing_headers(self.id, self._limits, ROUTE)
        self._send(wire(status, headers, body))
        seconds = time.perf_counter() - self._started
        self._access_log.add(hdrs.METH_POST, ROUTE, status, seconds, self._key, {"request_id": self.id, **notes})
