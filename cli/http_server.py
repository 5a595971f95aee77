"""Run an application: with limits on slow clients, a shared port and a graceful stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from shared.platform.observability import logging
from shared.platform.observability.gc_tuning import freeze_startup_objects
from shared.platform.web.http_connection import MAKE_CONNECTION, HttpConnection

log = logging.get_logger()

DRAIN_SECONDS = 20.0  # seconds that requests in progress get at the end
LINGER_SECONDS = 2.0  # seconds for the rest of a refused body


async def serve_http(
    app: web.Application, host: str, port: int, header_timeout: float = 10.0, sockets: Sequence[socket.socket] = ()
) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests in progress finish. RuntimeError if it cannot listen.

    It listens on the given sockets, which another process may hold too; without any, on `host` and `port`.
    """
    runner = web.AppRunner(app, shutdown_timeout=DRAIN_SECONDS)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await runner.setup()  # a part that has started is stopped below if the rest fails
        listeners = await start_listening(partial(make_connection, app, runner, header_timeout), host, port, sockets)
        freeze_startup_objects()
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


async def start_listening(
    make_handler: Callable[[], HttpConnection], host: str, port: int, sockets: Sequence[socket.socket] = ()
) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    if sockets:
        return [await loop.create_server(make_handler, sock=each, backlog=2048) for each in sockets]
    try:
        return [await loop.create_server(make_handler, host, port, reuse_port=True, backlog=2048)]
    except OSError as error:
        reason = str(error.strerror).rpartition(": ")[2]  # after the event loop's text about the address
        raise RuntimeError(
            f"port {port} of {host} cannot be listened on: {reason}; pass another --port or --host"
        ) from None


def make_connection(app: web.Application, runner: web.AppRunner, header_timeout: float) -> HttpConnection:
    assert runner.server is not None  # noqa: S101  # there is one after setup()
    options: dict[str, Any] = {
        "loop": asyncio.get_running_loop(),
        "access_log": None,  # as AppRunner passes it
        "keepalive_timeout": header_timeout,
        "lingering_time": LINGER_SECONDS,
        "auto_decompress": False,  # `read_body` decompresses, once the key is checked
    }
    handler = app.get(MAKE_CONNECTION, HttpConnection)(runner.server, **options)
    # aiohttp starts its idle timer only after the first request: a client whose first headers drip in would stay.
    handler.keep_alive(True)
    return handler
