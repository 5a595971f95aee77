"""Run an application: with limits on slow clients, a shared port and a graceful stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from shared.platform.observability import logging
from shared.platform.observability.gc_tuning import freeze_startup_objects
from shared.platform.web.http_connection import MAKE_CONNECTION, HttpConnection
from shared.service_app.stop_notice import STOP_NOTICE

log = logging.get_logger()

DRAIN_SECONDS = 20.0  # seconds that requests in progress get at the end
LINGER_SECONDS = 2.0  # seconds for the rest of a refused body


@dataclass(frozen=True)
class ListenAddress:
    """Where a server listens: on the given sockets, which another process may hold too, or on `host` and `port`."""

    host: str
    port: int
    sockets: Sequence[socket.socket] = ()


async def serve_http(
    app: web.Application, address: ListenAddress, header_timeout: float = 10.0, notice_seconds: float = 0.0
) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests in progress finish. RuntimeError if it cannot listen.

    For `notice_seconds` after the signal it answers on, while the health check says that it stops. A second signal
    ends that time.
    """
    runner = web.AppRunner(app, shutdown_timeout=DRAIN_SECONDS)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await runner.setup()  # a part that has started is stopped below if the rest fails
        listeners = await start_listening(partial(make_connection, app, runner, header_timeout), address)
        freeze_startup_objects()
        log.info("server.listening", host=address.host, port=address.port)
        try:
            await stopping.wait()
            await give_notice(app, stopping, notice_seconds)
        finally:
            for listener in listeners:
                listener.close()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
        log.info("server.stopped")


async def give_notice(app: web.Application, stopping: asyncio.Event, seconds: float) -> None:
    """Let the health check say that the process stops, and wait so long, or until the next signal."""
    app[STOP_NOTICE].is_given = True
    if not seconds:
        return
    log.info("server.stop_noticed", seconds=seconds)
    stopping.clear()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def start_listening(make_handler: Callable[[], HttpConnection], address: ListenAddress) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    if address.sockets:
        return [await loop.create_server(make_handler, sock=each, backlog=2048) for each in address.sockets]
    host, port = address.host, address.port
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
