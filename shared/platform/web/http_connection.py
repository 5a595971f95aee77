"""A connection as aiohttp serves it, with our answer to bytes that are not HTTP.

It sets two names of aiohttp that are not public, and does without them where they are gone:
`RequestHandler._lingering_time` and `BaseRequest._version`.
"""

import asyncio
import re
import socket
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import HttpVersion11, web
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from shared.platform.errors import ApiError, BadRequest, ServerError
from shared.platform.observability import logging
from shared.platform.web.request_body import has_content_encoding
from shared.platform.web.response_headers import CORS_HEADERS, new_request_id, sent_request_id
from shared.platform.web.responses import error_response

log = logging.get_logger()

SENT_REQUEST_ID = re.compile(rb"^X-Request-Id:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
UNREAD_TIMEOUT_SECONDS = 30.0  # seconds in which a client must take some of what was sent to it
MAX_KEPT_BYTES = 8192  # bytes of the last read, in which the request id of an unreadable request is looked for


class HttpConnection(RequestHandler):
    """A connection that answers unreadable requests itself: aiohttp's answer and log quote the line, be it a key."""

    __slots__ = ("_last_read",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._last_read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # If a client never read, its request would wait for ever to send its answer, and hold the answer in memory.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_TIMEOUT_SECONDS * 1000))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if data:  # aiohttp passes none to let its parser continue
            self._last_read = data[:MAX_KEPT_BYTES]
        super().data_received(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        if not finished[0].keep_alive and has_content_encoding(request):
            with suppress(AttributeError):
                self._lingering_time = 0.0  # the rest of a refused decompression bomb is not worth reading
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        unreadable = self._last_read if isinstance(exc, HttpProcessingError) else b""
        request_id = sent_request_id(request.headers) or _find_request_id(unreadable) or new_request_id()
        log.warning("request.unreadable", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = error_response(_error_for_status(status), request_id)
        response.headers["X-Request-Id"] = request_id
        response.headers.update(CORS_HEADERS)
        response.force_close()
        if unreadable:  # the request that aiohttp makes up for it has version 1.0
            with suppress(AttributeError):
                request._version = HttpVersion11
        return response


class MakeConnection(Protocol):
    """Makes connections of another class than `HttpConnection`, from the same arguments."""

    def __call__(self, *args: Any, **options: Any) -> HttpConnection: ...


MAKE_CONNECTION = web.AppKey("make_connection", MakeConnection)  # absent where connections are ordinary


def _find_request_id(unreadable: bytes) -> str | None:
    """Return the id that the caller gave, if the head came in one read and names it.

    If aiohttp's parser refuses a request, nothing remains of it but its bytes.
    """
    found = SENT_REQUEST_ID.search(unreadable.partition(b"\r\n\r\n")[0])
    return sent_request_id({"X-Request-Id": found[1].strip().decode(errors="replace")}) if found else None


def _error_for_status(status: int) -> ApiError:
    return BadRequest("The request is not valid HTTP.") if status < 500 else ServerError()
