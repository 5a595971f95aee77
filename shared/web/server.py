"""Running an application: limits on slow clients, a shared port, and a graceful end."""

import asyncio
import contextlib
import re
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial

from aiohttp import HttpVersion11, web

from shared import logging
from shared.collector import settle
from shared.errors import ApiError, BadRequest, ServerError
from shared.web.answers import render
from shared.web.express import EXPRESS, ExpressHandler
from shared.web.pipeline import CORS, new_request_id, sent_request_id

log = logging.get()

DRAIN = 20.0  # seconds that requests in progress have at the end
SENT_ID = re.compile(rb"^X-Request-Id:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
LINGER = 2.0  # seconds for the rest of a refused body
UNREAD = 30.0  # seconds in which a client must take some of what was sent to it


async def serve(
    app: web.Application, host: str, port: int, header_timeout: float = 10.0, sockets: Sequence[socket.socket] = ()
) -> None:
    """Serves until SIGTERM or SIGINT, then lets the requests in progress finish. RuntimeError: it cannot listen.

    It listens on the sockets that it is given, which another process may hold too; without any, on `host` and `port`.
    """
    runner = web.AppRunner(app, shutdown_timeout=DRAIN)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await runner.setup()  # what of it has begun is ended below, should the rest fail
        listeners = await _listen(partial(_handler, app, runner, header_timeout), host, port, sockets)
        settle()
        log.info("server.listening", host=host, port=port)
        try:
            await stopping.wait()
        finally:
            for listener in listeners:
                listener.close()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
        log.info("server.stopped")


async def _listen(
    make_handler: Callable[[], ExpressHandler], host: str, port: int, sockets: Sequence[socket.socket] = ()
) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    if sockets:
        return [await loop.create_server(make_handler, sock=each, backlog=2048) for each in sockets]
    try:
        return [await loop.create_server(make_handler, host, port, reuse_port=True, backlog=2048)]
    except OSError as error:
        reason = str(error.strerror).rpartition(": ")[2]  # behind what the loop says of the address
        raise RuntimeError(
            f"port {port} of {host} cannot be listened on: {reason}; pass another --port or --host"
        ) from None


def _handler(app: web.Application, runner: web.AppRunner, header_timeout: float) -> ExpressHandler:
    assert runner.server is not None  # noqa: S101  # there is one after setup()
    loop = asyncio.get_running_loop()
    handler = _Handler(
        runner.server,
        express=app.get(EXPRESS),
        loop=loop,
        access_log=None,  # as AppRunner passes it
        keepalive_timeout=header_timeout,
        lingering_time=LINGER,
        auto_decompress=False,  # `read_body` inflates, once the key is known
    )
    # aiohttp arms its idle timer only after the first request; a client that drips its first headers would stay.
    handler.keep_alive(True)
    return handler


class _Handler(ExpressHandler):
    """Answers what cannot be read as HTTP. aiohttp's answer and log quote the line at fault, be it a key."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Where a client never reads, a request would wait for its answer's way out, and hold the answer, for ever.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD * 1000))
        super().connection_made(transport)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        request_id = sent_request_id(request.headers) or _id_in(self._unreadable) or new_request_id()
        log.warning("request.unreadable", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = render(_refusal(status), request_id)
        response.headers["X-Request-Id"] = request_id
        response.headers.update(CORS)
        response.force_close()
        if self._unreadable:  # what aiohttp makes up for it is of 1.0
            request._version = HttpVersion11
        return response


def _id_in(unreadable: bytes) -> str | None:
    """The id that the caller gave, where the head came as one and says it: what aiohttp's parser refuses leaves nothing
    of the request but its bytes."""
    found = SENT_ID.search(unreadable.partition(b"\r\n\r\n")[0])
    return sent_request_id({"X-Request-Id": found[1].strip().decode(errors="replace")}) if found else None


def _refusal(status: int) -> ApiError:
    return BadRequest("The request is not valid HTTP.") if status < 500 else ServerError()
