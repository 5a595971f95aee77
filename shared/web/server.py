"""Running an application: limits on slow clients, a shared port, and a graceful end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from shared import logging
from shared.collector import settle
from shared.errors import ApiError, BadRequest, ServerError
from shared.web.answers import render
from shared.web.bodies import unknown_encoding
from shared.web.express import EXPRESS, ExpressHandler
from shared.web.pipeline import CORS

log = logging.get()

DRAIN = 20.0  # seconds that requests in progress have at the end
LINGER = 2.0  # seconds for the rest of a refused body


async def serve(app: web.Application, host: str, port: int, header_timeout: float = 10.0) -> None:
    """Serves until SIGTERM or SIGINT, then lets the requests in progress finish. RuntimeError: it cannot listen."""
    runner = web.AppRunner(app, shutdown_timeout=DRAIN)
    await runner.setup()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        listener = await _listen(partial(_handler, app, runner, header_timeout), host, port)
        settle()
        log.info("server.listening", host=host, port=port)
        try:
            await stopping.wait()
        finally:
            listener.close()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
        log.info("server.stopped")


async def _listen(make_handler: Callable[[], ExpressHandler], host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(make_handler, host, port, reuse_port=True, backlog=2048)
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
    )
    # aiohttp arms its idle timer only after the first request; a client that drips its first headers would stay.
    handler.keep_alive(True)
    return handler


class _Handler(ExpressHandler):
    """Answers what cannot be read as HTTP. aiohttp's answer and log quote the line at fault, be it a key."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        log.warning("request.unreadable", status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        request_id = os.urandom(12).hex()
        response = render(_refusal(status, exc), request_id)
        response.headers["X-Request-Id"] = request_id
        response.headers.update(CORS)
        response.force_close()
        return response


def _refusal(status: int, exc: BaseException | None) -> ApiError:
    if isinstance(exc, ContentEncodingError):
        return unknown_encoding()
    return BadRequest("The request is not valid HTTP.") if status < 500 else ServerError()
