"""A network that breaks: an HTTP proxy on this machine that cuts posts of forms where it is told to."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from shared.platform.data_dir import free_port

# Before the request goes on; in the middle of its body; after the answer came, which the browser never gets. `busy` is
# no cut, but what a server in front says that is overloaded.
CutPoint = Literal["before", "midway", "answer", "busy"]
BUSY_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nAccess-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Retry-After\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
)

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.I)
_ENCODING = re.compile(rb"\r\nAccept-Encoding: *[^\r]*", re.I)
_CONNECTION = re.compile(rb"\r\nConnection: *[^\r]*", re.I)


class CutProxy:
    """Forwards to a server. Each post of a form meets the next of `cuts`, if there is one.

    A connection serves one request: browsers repeat by themselves what fails on one that was used before. `posts`
    counts the posts that reached the server whole. An answer that holds `pause_at` pauses before it until `resume`.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port("127.0.0.1")
        self.cuts: list[CutPoint] = []
        self.posts = 0
        self.pause_at = b""
        self.resume = asyncio.Event()
        self._target_port = target_port

    @property
    def base(self) -> str:
        """Its URL, by a name of its own."""
        return f"http://leads.test:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            body = await reader.readexactly(int(found[1])) if found else b""
            head = _ENCODING.sub(b"", head) if self.pause_at else head
            is_post = head.startswith(b"POST /f/")
            cut = self.cuts.pop(0) if is_post and self.cuts else None
            head = _CONNECTION.sub(b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            answer = BUSY_ANSWER
            if cut not in ("before", "busy"):
                answer = await self._forward(head, body, is_midway=cut == "midway")
            self.posts += is_post and cut in (None, "answer")
            if cut in (None, "busy"):
                await self._write(writer, answer)
        writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        pause = answer.find(self.pause_at) if self.pause_at else -1
        if pause > 0:
            writer.write(answer[:pause])
            await writer.drain()
            await self.resume.wait()
        writer.write(answer[max(pause, 0) :])
        await writer.drain()

    async def _forward(self, head: bytes, body: bytes, *, is_midway: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            writer.write(head + (body[: len(body) // 2] if is_midway else body))
            await writer.drain()
            return b"" if is_midway else await reader.read()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def cut_proxy(target_port: int) -> AsyncIterator[CutProxy]:
    """A running proxy in front of a server on this machine."""
    proxy = CutProxy(target_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port, limit=2**22)
    async with server:
        yield proxy
