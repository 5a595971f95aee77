"""`POST /api/inbound/leads` on the express way: the ordinary request of a source that sends many.

What it takes is JSON from a key in memory, with nothing to look up: no idempotency key, no dry run, no odd spelling.
The steps and their order are those of the pipeline and of `receive_lead`, made of the same parts.
"""

import time
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import hdrs
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
from shared.ratelimit import RateLimiter, unlimited
from shared.security import digest
from shared.web.access_log import AccessLog
from shared.web.answers import envelope
from shared.web.express import Read, Send, Taker, lines_of, wire
from shared.web.pipeline import CORS, new_request_id, sent_request_id

log = logging.get()

ROUTE = "/api/inbound/leads"
ADDRESS = f"{ROUTE}?tenant="
SCOPE, OTHER_SCOPE = "submit:leads", "write:leads"  # one is enough
PREFIX = "Bearer "
UNUSUAL = (hdrs.CONTENT_ENCODING, hdrs.EXPECT, "Idempotency-Key")  # headers that ask for more than is done here

STANDING = f"Content-Type: {JSON}\r\n{lines_of(CORS)}"  # lines of every answer


@dataclass(frozen=True)
class LeadExpress:
    """Takes leads from the connections of one gateway process."""

    intake: Intake
    keys: KeyRing
    limiter: RateLimiter
    access_log: AccessLog
    body_limit: int

    def taker_of(self, message: RawRequestMessage) -> Taker | None:
        """What takes the leads that come with this head, if it is an ordinary one."""
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
        """The lines of the key's rate limit, on which the request is counted; None where that takes a look at Redis."""
        usage = unlimited() if key.limit is None else self.limiter.charge_claimed(key.id, key.limit)
        return usage and usage.lines()


class _Taker:
    """Takes the leads that come with one head. What may change between two requests is asked at each."""

    def __init__(self, express: LeadExpress, message: RawRequestMessage, key_digest: bytes) -> None:
        self._express = express
        self._digest = key_digest
        self._tenant = message.path[len(ADDRESS) :]
        self._id = sent_request_id(message.headers)
        self._seconds = seconds_to_wait(message.headers)

    def begin(self, size: int, send: Send) -> Read | None:
        express = self._express
        key = express.keys.known_by(self._digest)
        if key is None or key.workspace_slug != self._tenant or size > express.body_limit:
            return None
        if not (key.may(SCOPE) or key.may(OTHER_SCOPE)):
            return None
        limits = express.limits(key)
        if limits is None:
            return None
        return _Request(express, key, limits, send, self._id or new_request_id(), self._seconds).read


class _Request:
    """One request under way."""

    __slots__ = ("_express", "_id", "_item", "_key", "_limits", "_seconds", "_send", "_started")

    def __init__(
        self, express: LeadExpress, key: Key, limits: str, send: Send, request_id: str, seconds: float
    ) -> None:
        self._started = time.perf_counter()
        self._express = express
        self._key = key
        self._limits = limits
        self._send = send
        self._id = request_id
        self._seconds = seconds  # that the caller waits
        self._item: Item

    def read(self, body: bytes) -> None:
        """Reads the lead and has it stored, or refuses it."""
        try:
            item = self._item = new_item(self._key, read_lead(JSON, body), None)
        except Exception as error:
            self._fail(error)
        else:
            if self._seconds:
                self._express.intake.take_and_wait(item, Lane.WAITED_FOR, self._seconds, self._tell)
            else:
                self._express.intake.take(item, Lane.PROMPT, self._tell)

    def _tell(self, outcome: Outcome) -> None:
        """Answers with what became of the submission. Raises nothing: others wait behind it to be told."""
        try:
            if isinstance(outcome, ApiError):
                raise outcome
            status, body, headers = told(self._item, outcome)
            notes = {"submission_id": self._item.id, "lead_id": outcome and outcome.lead_id}
            self._answer(status, lines_of(headers), orjson.dumps(body), notes)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, ApiError):
            log.exception("request.failed", request_id=self._id, method=hdrs.METH_POST, route=ROUTE)
            error = ServerError()
        self._answer(error.status, lines_of(error.headers), orjson.dumps(envelope(error, self._id)), {})

    def _answer(self, status: int, lines: str, body: bytes, notes: dict[str, Any]) -> None:
        self._send(wire(status, f"{lines}X-Request-Id: {self._id}\r\n{self._limits}{STANDING}", body))
        seconds = time.perf_counter() - self._started
        notes["request_id"] = self._id
        self._express.access_log.add(hdrs.METH_POST, ROUTE, status, seconds, self._key, notes)
