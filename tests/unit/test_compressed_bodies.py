"""Compressed bodies: nobody's is inflated before the key is known, and then in steps between which others have the
event loop."""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cli import http_server
from cli.http_server import make_connection
from shared.platform.web.decompression import STEP_BYTES
from shared.platform.web.request_body import read_body
from shared.service_app.access_log import AccessLog
from shared.service_app.authorization import public, requires_scope
from shared.service_app.middleware import ACCESS_LOG, request_middleware
from shared.service_app.stop_notice import STOP_NOTICE, StopNotice
from tests.support.timing import best_within_async
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.unit

LIMIT = 5 << 20
MEGABYTE = bytes(1 << 20)


def bomb(megabytes: int) -> bytes:
    """gzip that has no end: a kilobyte for each megabyte of what it holds."""
    deflating = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = deflating.compress(MEGABYTE) + deflating.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * megabytes


def seconds_of_half() -> float:
    """What half of a bomb of 500 MB takes of the processor, on this machine as it is just now; a tenth is measured."""
    began, inflating, sent = time.thread_time(), zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), bomb(50)
    while sent:
        inflating.decompress(sent, len(MEGABYTE))
        sent = inflating.unconsumed_tail
    return 5 * (time.thread_time() - began)


@public
async def taken(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await read_body(request, LIMIT, 60))))


@public
async def shown(_: web.Request) -> web.Response:
    return web.Response()


@requires_scope("write:leads")
async def kept(_: web.Request) -> web.Response:
    raise AssertionError("nobody has a key here")


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of a server that takes bodies at `/taken`, needs a key at `/kept` and takes none at `/shown`."""
    app = web.Application(middlewares=[request_middleware])
    app[ACCESS_LOG] = AccessLog("test", lines=False)
    app[STOP_NOTICE] = StopNotice()
    app.add_routes([web.post("/taken", taken), web.post("/kept", kept), web.get("/shown", shown)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: make_connection(app, runner, 60), "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await runner.cleanup()


async def post(port: int, path: str, body: bytes, missing: int = 0) -> tuple[bytes, asyncio.StreamReader]:
    """The head of the answer to a compressed body, of which so many bytes are never sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = len(body) + missing
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode() + body)
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_SECONDS), reader


async def share_of_half(port: int, path: str, status: bytes) -> float:
    """The processor time of an answer to a bomb, as a share of what half of the bomb takes."""
    sent = bomb(500)
    began = time.thread_time()
    head, _ = await post(port, path, sent)
    spent = time.thread_time() - began
    assert head.split()[1] == status
    return spent / seconds_of_half()


@pytest.mark.parametrize(("path", "status"), [("/kept", b"401"), ("/nothing", b"401"), ("/shown", b"405")])
async def test_a_refused_bomb_is_not_inflated(path: str, status: bytes) -> None:
    async with serving() as port:
        await best_within_async(1, lambda: share_of_half(port, path, status))


async def test_an_unreadable_request_is_answered_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), DEADLINE_SECONDS)
    assert answer.split()[1] == b"400"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_rest_of_a_refused_bomb_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "LINGER_SECONDS", 600.0)
    async with serving() as port:
        head, reader = await post(port, "/kept", bomb(50), missing=1_000_000)
        assert b"\r\nConnection: close\r\n" in head
        await asyncio.wait_for(reader.read(), DEADLINE_SECONDS)  # to the end of the connection


async def test_decompressing_a_body_does_not_block_the_event_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with serving() as port:
        counting = asyncio.create_task(count())
        head, _ = await post(port, "/taken", gzip.compress(MEGABYTE * 5))
        counting.cancel()
    assert head.split()[1] == b"200"
    assert turns > 5 * len(MEGABYTE) / STEP_BYTES


async def test_a_bomb_with_a_key_is_inflated_up_to_the_limit() -> None:
    async with serving() as port:
        await best_within_async(1, lambda: share_of_half(port, "/taken", b"413"))


async def test_a_connection_goes_on_behind_a_compressed_body_that_was_read() -> None:
    sent = gzip.compress(b"x" * 1_000)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            head = f"POST /taken HTTP/1.1\r\nHost: x\r\nContent-Encoding: GZip\r\nContent-Length: {len(sent)}\r\n\r\n"
            writer.write(head.encode() + sent)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_SECONDS)
            assert answer.split()[1] == b"200"
            assert await reader.readexactly(4) == b"1000"
