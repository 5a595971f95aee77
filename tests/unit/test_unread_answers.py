"""A client that never reads its answer: its connection ends, and what it held is given back."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from aiohttp import web

from cli.http_server import make_connection
from shared.platform.web import http_connection
from tests.support.waiting import until_async

pytestmark = pytest.mark.unit

ANSWER = bytes(32 << 20)  # more than the system's buffers hold


async def told(_: web.Request) -> web.Response:
    return web.Response(body=ANSWER)


async def serve_one_that_never_reads() -> None:
    app = web.Application()
    app.add_routes([web.get("/", told)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: make_connection(app, runner, 600), "127.0.0.1", 0)
    found = runner.server
    assert found is not None
    client = socket.create_connection(listener.sockets[0].getsockname())
    try:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until_async(lambda: found.requests_count == 1, what="the request")
        await until_async(lambda: not found.connections, what="the end of the connection")
    finally:
        client.close()
        listener.close()
        await runner.cleanup()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_its_connection_is_closed(
    run: Callable[[Coroutine[Any, Any, None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "UNREAD_TIMEOUT_SECONDS", 1.0)
    run(serve_one_that_never_reads())
