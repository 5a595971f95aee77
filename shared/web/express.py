"""The express way through a connection: requests answered without a task, a Request or a Response of aiohttp.

These cost more than a lead's whole reading and storing. A request that came whole, and of which everything needed is in
memory, is taken where its bytes arrive; its answer is written by whoever has it. All others go aiohttp's way, as does
every request where no express is set up. A connection has one request under way at a time, on either way: what is
pipelined behind it waits in aiohttp's own queue, with its limit.

The first request of a connection is read by aiohttp's parser. Those that follow with the same head are not: what was
decided on their head is known (`shared/web/heads.py`), and the parser, which stands between two requests, need not see
them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from shared.web.heads import Head, head_of, is_whole

Send = Callable[[bytes], None]
Read = Callable[[bytes], None]


class Taker(Protocol):
    """What takes the requests that have a certain head."""

    def begin(self, size: int, send: Send) -> Read | None:
        """Takes a request with a body of that size, or leaves it alone: None. What is returned is called at once with
        the body; `send` is called once with the whole answer, now or later.
        """


class Express(Protocol):
    """What looks at heads."""

    def taker_of(self, message: RawRequestMessage) -> Taker | None:
        """What takes requests with this head, if they are ordinary ones."""


EXPRESS = web.AppKey("express", Express)

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class ExpressHandler(RequestHandler):
    """A connection. Stands on four parts of aiohttp's: `_messages`, what was read and not begun; `_waiter`, on which
    its task waits while there is none; and its two ways of closing what is idle.
    """

    __slots__ = ("_between", "_express", "_known", "_left", "_parked")

    def __init__(self, *args: Any, express: Express | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._express = express
        # aiohttp's `_waiter` while an express request is under way: without it, nothing wakes or closes the connection.
        self._parked: asyncio.Future[None] | None = None
        self._left: asyncio.Future[None] | None = None
        self._between = True  # whether the parser is known to stand between two requests
        self._known: tuple[Head, Taker] | None = None  # a head that came, and what takes requests with it

    def data_received(self, data: bytes) -> None:
        if self._between and self._known and not self._messages and self._takes_another(*self._known, data):
            return
        held, waiter = len(self._messages), self._waiter
        self._waiter = None  # else aiohttp wakes its task
        super().data_received(data)
        self._waiter = waiter
        if data:  # aiohttp lets its parser go on by passing none
            self._between = self._between and self._is_one(data, held)
        self._next(data if self._between else b"")

    def _takes_another(self, head: Head, taker: Taker, data: bytes) -> bool:
        body = head.body_in(data)
        read = None if body is None else self._begin(taker, len(body))
        if body is None or read is None:
            return False
        read(body)
        return True

    def _is_one(self, data: bytes, held: int) -> bool:
        if len(self._messages) != held + 1:
            return False
        message, payload = self._messages[-1]
        return isinstance(message, RawRequestMessage) and payload.is_eof() and is_whole(data, message)

    def _next(self, data: bytes = b"") -> None:
        """Begins what was read: by the express, else by aiohttp's task. `data` are the bytes of the last message, if it
        came as one.
        """
        while self._messages and self._waiter is not None and not self._waiter.done():
            message, payload = self._messages[0]
            taker = self._taker_of(message)
            if taker is not None and data and len(self._messages) == 1:
                self._keep(data, taker)
            if taker is None or not self._takes(taker, payload):
                self._waiter.set_result(None)
                return
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()

    def _keep(self, data: bytes, taker: Taker) -> None:
        head = head_of(data)
        self._known = None if head is None else (head, taker)

    def _takes(self, taker: Taker, payload: StreamReader) -> bool:
        read = self._begin(taker, payload.total_bytes) if payload.is_eof() else None
        if read is None:
            return False
        read(payload.read_nowait())
        return True

    def _taker_of(self, message: Any) -> Taker | None:
        if self._express is None or not isinstance(message, RawRequestMessage):  # else unreadable
            return None
        if message.version != HttpVersion11 or message.should_close or message.upgrade or message.chunked:
            return None
        return None if message.compression else self._express.taker_of(message)

    def _begin(self, taker: Taker, size: int) -> Read | None:
        if self._waiter is None or self._waiter.done() or self._paused:
            return None
        self._parked, self._waiter = self._waiter, None
        read = taker.begin(size, self._send)
        if read is None:
            self._waiter, self._parked = self._parked, None
        return read

    def _send(self, response: bytes) -> None:
        if self._parked is None or self.transport is None:  # the client has left
            return
        self.transport.write(response)
        self._unpark()
        if self._close or self._force_close:
            self.force_close()
            return
        self._keep_alive()
        if self._messages:
            self._loop.call_soon(self._next)

    def _unpark(self) -> None:
        self._waiter, self._parked = self._parked, None
        if self._left is not None:
            self._left.set_result(None)
            self._left = None

    def _keep_alive(self) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._parked is not None:
            self._unpark()  # so that aiohttp ends its task
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  # aiohttp's signature
        """Lets the request under way be answered, then closes as aiohttp does."""
        if self._parked is not None:
            self._left = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._left
        await super().shutdown(timeout)


def wire(status: int, lines: str, body: bytes) -> bytes:
    """An answer in HTTP/1.1, as aiohttp would write it. `lines` are its own headers."""
    head = (
        f"{_LINES[status]}{lines}Content-Length: {len(body)}\r\n"
        f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
    )
    return head.encode() + body


def lines_of(headers: Mapping[str, str]) -> str:
    """Headers as `wire` takes them. They hold no line breaks."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
