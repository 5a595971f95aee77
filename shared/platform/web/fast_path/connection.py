"""A connection with a fast path: it answers ordinary requests without a task, a Request or a Response of aiohttp.

These three cost more than it takes to read and store a lead. A request is taken where its bytes arrive if it came whole
and if everything it needs is in memory; whoever has the answer writes it. aiohttp handles all other requests. A
connection has one request under way at a time, on either path: pipelined requests wait in aiohttp's own queue, with its
limit.

aiohttp's parser reads the first request of a connection. It need not read the following ones with the same head: the
connection remembers what was decided on that head (`heads.py`), and the parser stands between two requests.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import HttpVersion11, helpers
from aiohttp.http import SERVER_SOFTWARE, RawRequestMessage

from shared.platform.web.fast_path.heads import RequestHead, is_whole_request, parse_head
from shared.platform.web.http_connection import HttpConnection

SendResponse = Callable[[bytes], None]
ReadBody = Callable[[bytes], None]


class HeadHandler(Protocol):
    """Takes the requests that have a certain head."""

    def begin_request(self, size: int, send: SendResponse) -> ReadBody | None:
        """Take a request with a body of that size, or return None to leave it to aiohttp.

        The returned function is called at once with the body. `send` is called once with the whole answer, now or
        later.
        """


class FastPath(Protocol):
    """Decides which requests take the fast path."""

    def handler_for(self, message: RawRequestMessage) -> HeadHandler | None:
        """Return what takes requests with this head, or None if they are not ordinary."""


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class FastPathConnection(HttpConnection):
    """A connection with a fast path.

    It stands on the parts of aiohttp's RequestHandler that `self_check.py` lists. Most important are `_messages`, the
    queue of requests that were read and not begun; `_waiter`, on which aiohttp's task waits while that queue is empty;
    `_handle_request`, in which the task answers one; and the two ways of closing an idle connection.
    """

    __slots__ = (
        "_at_boundary",
        "_fast_path",
        "_is_fast_request_running",
        "_is_task_idle_soon",
        "_known_head",
        "_request_finished",
        "_set_aside",
    )

    def __init__(self, *args: Any, fast_path: FastPath, **options: Any) -> None:
        super().__init__(*args, **options)
        self._fast_path = fast_path
        self._is_fast_request_running = False
        # Whether aiohttp's task is about to wait: it has just begun, or has answered all its requests.
        self._is_task_idle_soon = True
        # Messages that such a task must not find while a fast request is under way.
        self._set_aside: list[Any] = []
        self._request_finished: asyncio.Future[None] | None = None
        self._at_boundary = True  # whether the parser is known to stand between two requests
        self._known_head: tuple[RequestHead, HeadHandler] | None = (
            None  # the last head, and what takes requests with it
        )

    def _is_free(self) -> bool:
        """Return whether no request is under way: aiohttp's task waits, or is about to.

        A task needs one or two turns of the event loop before it waits. On a busy loop the first request of a
        connection, or the next one after a request on aiohttp's path, arrives earlier. That is the case for most
        connections of a new burst.
        """
        if self._is_fast_request_running or self._force_close or self._close:
            return False
        return self._is_task_idle_soon if self._waiter is None else not self._waiter.done()

    async def _handle_request(self, request: Any, *arguments: Any) -> Any:
        answer, is_reset = await super()._handle_request(request, *arguments)
        is_over = not is_reset and bool(answer.keep_alive) and request.content.is_eof()
        self._is_task_idle_soon = is_over and not self._messages
        return answer, is_reset

    def data_received(self, data: bytes) -> None:
        if self._at_boundary and self._known_head and not self._messages and self._take_known(*self._known_head, data):
            return
        if self._waiter is not None:
            self._restore_set_aside()
        held, waiter = len(self._messages), self._waiter
        self._waiter = None  # otherwise aiohttp wakes its task
        super().data_received(data)
        self._waiter = waiter
        if data:  # aiohttp passes none to let its parser continue
            self._at_boundary = self._at_boundary and self._is_one_request(data, held)
        self._begin_next(data if self._at_boundary else b"")

    def _take_known(self, head: RequestHead, handler: HeadHandler, data: bytes) -> bool:
        body = head.extract_body(data)
        feed_body = None if body is None else self._begin_request(handler, len(body))
        if body is None or feed_body is None:
            return False
        feed_body(body)
        return True

    def _is_one_request(self, data: bytes, held: int) -> bool:
        if len(self._messages) != held + 1:
            return False
        message, payload = self._messages[-1]
        return isinstance(message, RawRequestMessage) and payload.is_eof() and is_whole_request(data, message)

    def _begin_next(self, data: bytes = b"") -> None:
        """Begin the requests that were read: on the fast path if possible, otherwise in aiohttp's task.

        `data` are the bytes of the last message, if it came in one read.
        """
        while self._messages and self._is_free():
            message, payload = self._messages[0]
            handler = self._find_handler(message)
            if handler is not None and data and len(self._messages) == 1:
                self._remember_head(data, handler)
            feed_body = (
                self._begin_request(handler, payload.total_bytes) if handler is not None and payload.is_eof() else None
            )
            if feed_body is None:
                self._hand_over()
                return
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            feed_body(payload.read_nowait())
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
        if self._is_fast_request_running and self._waiter is None:
            self._set_aside += self._messages
            self._messages.clear()

    def _hand_over(self) -> None:
        """Leave the requests that were read to aiohttp's task."""
        self._is_task_idle_soon = False
        if self._waiter is not None:
            self._waiter.set_result(None)

    def _remember_head(self, data: bytes, handler: HeadHandler) -> None:
        head = parse_head(data)
        self._known_head = None if head is None else (head, handler)

    def _find_handler(self, message: Any) -> HeadHandler | None:
        if not isinstance(message, RawRequestMessage):  # otherwise unreadable
            return None
        if message.version != HttpVersion11 or message.should_close or message.upgrade or message.chunked:
            return None
        return None if message.compression else self._fast_path.handler_for(message)

    def _begin_request(self, handler: HeadHandler, size: int) -> ReadBody | None:
        if self._paused or not self._is_free():
            return None
        self._is_fast_request_running = True
        read = handler.begin_request(size, self._send_response)
        self._is_fast_request_running = read is not None
        return read

    def _send_response(self, response: bytes) -> None:
        if not self._is_fast_request_running or self.transport is None:  # the client has left
            return
        self.transport.write(response)
        self._end_request()
        if self._close or self._force_close:
            self.force_close()
            return
        self._restart_keepalive()
        if self._messages:
            self._loop.call_soon(self._begin_next)

    def _end_request(self) -> None:
        self._is_fast_request_running = False
        self._restore_set_aside()
        if self._messages and self._waiter is None:
            self._is_task_idle_soon = False  # the task finds these messages
        if self._request_finished is not None:
            self._request_finished.set_result(None)
            self._request_finished = None

    def _restore_set_aside(self) -> None:
        self._messages.extendleft(reversed(self._set_aside))
        self._set_aside.clear()

    def _restart_keepalive(self) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def _process_keepalive(self) -> None:
        if self._is_fast_request_running:
            self._keepalive_handle = None  # the answer arms the next one
        else:
            super()._process_keepalive()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._is_fast_request_running:
            self._end_request()
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  # aiohttp's signature
        """Let the request under way be answered, then close as aiohttp does."""
        if self._is_fast_request_running:
            self._request_finished = self._loop.create_future()
            await asyncio.wait({self._request_finished}, timeout=timeout)
        await super().shutdown(timeout)


def serialise_response(status: int, lines: str, body: bytes) -> bytes:
    """Return an answer in HTTP/1.1 as aiohttp would write it. `lines` are the answer's own headers."""
    head = (
        f"{_STATUS_LINES[status]}{lines}Content-Length: {len(body)}\r\n"
        f"Date: {helpers.rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
    )
    return head.encode() + body


def header_lines(headers: Mapping[str, str]) -> str:
    """Return headers as `serialise_response` takes them. They hold no line breaks."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
