"""Bodies that come slowly: what is held of all of them is bounded, and given back however a request ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from shared.platform.errors import ApiError
from shared.platform.web import request_body
from shared.platform.web.request_body import BODY_OWNER, MAX_HELD_BYTES, read_body
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.unit

LIMIT = 5 << 20
SECONDS = {"late": 2.0, "sent": 60.0, "left": 60.0}  # for a body: short where it is to be cut, else long enough
HALF = 4_999_000  # bytes sent of 5,000,001

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(seconds: float) -> AsyncIterator[int]:
    """A server's port, where a body may take so long."""

    async def answer(request: web.Request) -> web.Response:
        if sent := request.headers.get("Workspace"):
            request[BODY_OWNER] = int(sent)
        try:
            return web.Response(text=str(len(await read_body(request, LIMIT, seconds))))
        except ApiError as error:
            return web.Response(status=error.status, headers=error.headers)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def begin(port: int, size: int, sent: int, workspace: int = 1) -> Connection:
    """A request of which so much is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST / HTTP/1.1\r\nHost: x\r\nWorkspace: {workspace}\r\nContent-Length: {size}\r\n\r\n".encode())
    await asyncio.sleep(0)
    writer.write(b"x" * sent)
    return reader, writer


async def status(connection: Connection) -> tuple[int, bytes]:
    head = await asyncio.wait_for(connection[0].readuntil(b"\r\n\r\n"), DEADLINE_SECONDS)
    return int(head.split()[1]), head


async def until(held: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not request_body._body_memory.held_bytes <= held:
        assert time.monotonic() < deadline, request_body._body_memory.held_bytes
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("end", ["sent", "left", "late"])
async def test_memory_of_large_bodies_is_bounded_and_released(end: str) -> None:
    async with serving(SECONDS[end]) as port:
        await hold_and_give_back(port, end)


async def hold_and_give_back(port: int, end: str) -> None:
    large = [await begin(port, 5_000_001, HALF) for _ in range(25)]
    answers = [asyncio.create_task(status(one)) for one in large]
    await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
    assert 0 < request_body._body_memory.held_bytes <= MAX_HELD_BYTES

    pieces = await begin(port, 2_000, 1_000)
    await asyncio.sleep(0.05)
    pieces[1].write(b"x" * 1_000)
    assert (await status(pieces))[0] == 200

    if end == "left":
        for _, writer in large:
            writer.close()
    elif end == "sent":
        for _, writer in large:
            writer.write(b"x" * (5_000_001 - HALF))
    found = await asyncio.gather(*answers, return_exceptions=True)
    told = [one for one in found if isinstance(one, tuple)]
    assert any(code == 503 and b"Retry-After" in head for code, head in told)
    assert {code for code, _ in told} == {503} | {"sent": {200}, "late": {408}, "left": set()}[end]
    await until(0)
    assert (await status(await begin(port, HALF, HALF)))[0] == 200


async def test_large_bodies_of_one_workspace_leave_memory_for_another() -> None:
    async with serving(60.0) as port:
        theirs = [await begin(port, 5_000_001, HALF) for _ in range(25)]
        answers = [asyncio.create_task(status(one)) for one in theirs]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)

        ours = await begin(port, 5_000_001, HALF, workspace=2)
        ours[1].write(b"x" * (5_000_001 - HALF))
        assert (await status(ours))[0] == 200

        for _, writer in theirs:
            writer.close()
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert {one[0] for one in found if isinstance(one, tuple)} == {503}
        await until(0)
