"""The bodies of the console's forms: how large they may be, how slow, and of what type."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web

from services.console.web.sent_form import SMALL_FORM_BYTES, URLENCODED_TYPE, read_form_body
from shared.platform.errors import ApiError

pytestmark = pytest.mark.unit


@asynccontextmanager
async def form_server(seconds: float = 60) -> AsyncIterator[int]:
    """The port of a server that answers the fields of a form."""

    async def answer(request: web.Request) -> web.Response:
        try:
            form = await read_form_body(request, SMALL_FORM_BYTES, seconds, None)
        except ApiError as error:
            return web.Response(status=error.status, headers=error.headers)
        return web.json_response(list(form.items()))

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def post(port: int, body: bytes, *headers: str, type_: str = URLENCODED_TYPE) -> tuple[int, bytes]:
    """Send a head and a body, and return the status and the rest of the answer, without closing our side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["POST / HTTP/1.1", "Host: x", "Connection: close", f"Content-Type: {type_}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        content = await reader.read()
    writer.close()
    return int(head.split()[1]), content


async def test_fields_are_read_as_browsers_send_them() -> None:
    body = b"name=Ada+L&tag=a&tag=b&city=%D8%B9%D9%85%D8%A7%D9%86&empty=&raw=\xff"
    async with form_server() as port:
        status, fields = await post(port, body, f"Content-Length: {len(body)}")
        nothing = await post(port, b"", "Content-Length: 0", type_="text/plain")
    assert status == 200
    expected = [["name", "Ada L"], ["tag", "a"], ["tag", "b"], ["city", "عمان"], ["empty", ""], ["raw", "\ufffd"]]
    assert orjson.loads(fields) == expected
    assert nothing == (200, b"[]")


@pytest.mark.extended
async def test_a_large_form_is_refused_before_it_has_come_and_a_slow_one_is_given_up() -> None:
    async with form_server() as port:
        assert (await post(port, b"a=", f"Content-Length: {SMALL_FORM_BYTES + 1}"))[0] == 413
        piece = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
        assert (await post(port, piece * 3, "Transfer-Encoding: chunked"))[0] == 413
        many = b"&".join([b"a"] * (SMALL_FORM_BYTES // 2))
        assert (await post(port, many, f"Content-Length: {len(many)}"))[0] == 200
        assert (await post(port, b"{}", "Content-Length: 2", type_="application/json"))[0] == 415
        assert (await post(port, b"--x--", "Content-Length: 5", type_="multipart/form-data; boundary=x"))[0] == 415
    async with form_server(seconds=0.1) as port:
        assert (await post(port, b"email=", "Content-Length: 100"))[0] == 408
