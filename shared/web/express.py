"""The express way through a connection: requests answered without a task, a Request or a Response of aiohttp.

These cost more than a lead's whole reading and storing. A request that came whole, and of which everything needed is in
memory, is taken where its bytes arrive; its answer is written by whoever has it. All others go aiohttp's way, as does
every request where no express is set up. A connection has one request under way at a time, on either way: what is
pipelined behind it waits in aiohttp's own queue, with its limit.
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

Send = Callable[[bytes], None]


class Express(Protocol):
    """What takes requests."""

    def take(self, message: RawRequestMessage, payload: StreamReader, send: Send) -> bool:
        """Takes a request and calls `send` once with the whole answer, now or later; or leaves it alone: False."""


EXPRESS = web.AppKey("express", Express)

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class ExpressHandler(RequestHandler):
    """A connection. Stands on four parts of aiohttp's: `_messages`, what was read and not begun; `_waiter`, on which
    its task waits while there is none; and its two ways of closing what is idle.
    """

    __slots__ = ("_express", "_left", "_parked")

    def __init__(self, *args: Any, express: Express | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._express = express
        # aiohttp's `_waiter` while an express request is under way: without it, nothing wakes or closes the connection.
        self._parked: asyncio.Future[None] | None = None
        self._left: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        if self._express is None or self._waiter is None:
            super().data_received(data)
            return
        waiter, self._waiter = self._waiter, None
        super().data_received(data)
        self._waiter = waiter
        self._next()

    def _next(self) -> None:
        """Begins what was read: by the express, else by aiohttp's task."""
        while self._messages and self._waiter is not None and not self._waiter.done():
            message, payload = self._messages[0]
            self._parked, self._waiter = self._waiter, None
            if self._paused or not self._takes(message, payload):
                self._waiter, self._parked = self._parked, None
                self._waiter.set_result(None)
                return
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()

    def _takes(self, message: Any, payload: StreamReader) -> bool:
        if self._express is None or not isinstance(message, RawRequestMessage):  # else unreadable
            return False
        if message.version != HttpVersion11 or message.should_close or message.upgrade or message.chunked:
            return False
        if message.compression or not payload.is_eof():
            return False
        return self._express.take(message, payload, self._send)

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


def wire(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """An answer in HTTP/1.1, as aiohttp would write it. `headers` hold no line breaks."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = (
        f"{_LINES[status]}{lines}Content-Length: {len(body)}\r\n"
        f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
    )
    return head.encode() + body
