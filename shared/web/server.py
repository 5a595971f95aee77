"""Running an application: limits on slow clients, a shared port, and a graceful end."""

import asyncio
import contextlib
import signal

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from shared import logging
from shared.collector import settle

log = logging.get()

DRAIN = 20.0  # seconds that requests in progress have at the end
LINGER = 2.0  # seconds for the rest of a refused body


async def serve(app: web.Application, host: str, port: int, header_timeout: float = 10.0) -> None:
    """Serves until SIGTERM or SIGINT, then lets the requests in progress finish."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=header_timeout, lingering_time=LINGER, shutdown_timeout=DRAIN
    )
    await runner.setup()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    listener = await loop.create_server(lambda: _handler(runner), host, port, reuse_port=True, backlog=2048)
    settle()
    log.info("server.listening", host=host, port=port)
    try:
        await stopping.wait()
    finally:
        listener.close()
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
        log.info("server.stopped")


def _handler(runner: web.AppRunner) -> RequestHandler:
    handler: RequestHandler = runner.server()  # type: ignore[misc]  # there is one after setup()
    # aiohttp arms its idle timer only after the first request; a client that drips its first headers would stay.
    handler.keep_alive(True)
    return handler
