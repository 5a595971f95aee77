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
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import HttpVersion11, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from shared.web.bodies import is_encoded
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
    """A connection. Stands on six parts of aiohttp's: `_messages`, what was read and not begun; `_waiter`, on which
    its task waits while there is none; `_handle_request`, in which it answers one; `_lingering_time`, in which it reads
    the rest of a refused body; and its two ways of closing what is idle.
    """

    __slots__ = ("_behind", "_between", "_express", "_is_coming", "_is_under_way", "_known", "_left", "_unreadable")

    def __init__(self, *args: Any, express: Express | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._express = express
        self._is_under_way = False  # an express request
        self._is_coming = True  # aiohttp's task, to wait: it has just begun, or has answered what it had
        self._behind: list[Any] = []  # messages that such a task must not find while an express request is under way
        self._left: asyncio.Future[None] | None = None
        self._between = True  # whether the parser is known to stand between two requests
        self._unreadable = b""  # the bytes in which aiohttp's parser met what it cannot read
        self._known: tuple[Head, Taker] | None = None  # a head that came, and what takes requests with it

    def _is_free(self) -> bool:
        """Whether nothing is under way on the connection: its task waits, or is about to.

        A task needs a turn or two of the loop to come to its waiting, and on a busy loop the first request of a
        connection, or the next after one on aiohttp's way, is there by then: the whole crowd of a new burst.
        """
        if self._is_under_way or self._force_close or self._close:
            return False
        return self._is_coming if self._waiter is None else not self._waiter.done()

    async def _handle_request(self, request: Any, *arguments: Any) -> Any:
        answer, is_reset = await super()._handle_request(request, *arguments)
        if not answer.keep_alive and is_encoded(request):
            self._lingering_time = 0.0  # the rest of a refused bomb is not worth reading
        is_over = not is_reset and bool(answer.keep_alive) and request.content.is_eof()
        self._is_coming = is_over and not self._messages
        return answer, is_reset

    def data_received(self, data: bytes) -> None:
        if self._between and self._known and not self._messages and self._takes_another(*self._known, data):
            return
        if self._waiter is not None:
            self._bring_back()
        held, waiter = len(self._messages), self._waiter
        self._waiter = None  # else aiohttp wakes its task
        super().data_received(data)
        if len(self._messages) > held and not isinstance(self._messages[-1][0], RawRequestMessage):
            self._unreadable = data
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
        while self._messages and self._is_free():
            message, payload = self._messages[0]
            taker = self._taker_of(message)
            if taker is not None and data and len(self._messages) == 1:
                self._keep(data, taker)
            read = self._begin(taker, payload.total_bytes) if taker is not None and payload.is_eof() else None
            if read is None:
                self._hand_over()
                return
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            read(payload.read_nowait())
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
        if self._is_under_way and self._waiter is None:
            self._behind += self._messages
            self._messages.clear()

    def _hand_over(self) -> None:
        """Leaves what was read to aiohttp's task."""
        self._is_coming = False
        if self._waiter is not None:
            self._waiter.set_result(None)

    def _keep(self, data: bytes, taker: Taker) -> None:
        head = head_of(data)
        self._known = None if head is None else (head, taker)

    def _taker_of(self, message: Any) -> Taker | None:
        if self._express is None or not isinstance(message, RawRequestMessage):  # else unreadable
            return None
        if message.version != HttpVersion11 or message.should_close or message.upgrade or message.chunked:
            return None
        return None if message.compression else self._express.taker_of(message)

    def _begin(self, taker: Taker, size: int) -> Read | None:
        if self._paused or not self._is_free():
            return None
        self._is_under_way = True
        read = taker.begin(size, self._send)
        self._is_under_way = read is not None
        return read

    def _send(self, response: bytes) -> None:
        if not self._is_under_way or self.transport is None:  # the client has left
            return
        self.transport.write(response)
        self._end()
        if self._close or self._force_close:
            self.force_close()
            return
        self._keep_alive()
        if self._messages:
            self._loop.call_soon(self._next)

    def _end(self) -> None:
        self._is_under_way = False
        self._bring_back()
        if self._messages and self._waiter is None:
            self._is_coming = False  # it finds these
        if self._left is not None:
            self._left.set_result(None)
            self._left = None

    def _bring_back(self) -> None:
        self._messages.extendleft(reversed(self._behind))
        self._behind.clear()

    def _keep_alive(self) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def _process_keepalive(self) -> None:
        if self._is_under_way:
            self._keepalive_handle = None  # there is another with the answer
        else:
            super()._process_keepalive()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._is_under_way:
            self._end()
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  # aiohttp's signature
        """Lets the request under way be answered, then closes as aiohttp does."""
        if self._is_under_way:
            self._left = self._loop.create_future()
            await asyncio.wait({self._left}, timeout=timeout)
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
