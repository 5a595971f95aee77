"""Responses that stay the same for the life of a process: files, and documents that are made once."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping

from aiohttp import web


class StaticResponse:
    """A response that stays the same for the life of the process."""

    def __init__(self, body: bytes, media: str, headers: Mapping[str, str] | None = None) -> None:
        self._tag = hashlib.sha256(body).hexdigest()[:32]
        self._body = body
        self._compressed = gzip.compress(body, mtime=0)
        self._headers = {
            "Content-Type": f"{media}; charset=utf-8" if media.startswith("text/") else media,
            "Cache-Control": "no-cache",  # cached, and revalidated by its ETag each time
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        }

    def response_for(self, request: web.Request) -> web.Response:
        """Return the response, compressed if the client accepts that, or 304 if the client has it."""
        is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
        tag = f"{self._tag}-gzip" if is_compressed else self._tag
        headers = {**self._headers, "ETag": f'"{tag}"'}
        if any(known.value in ("*", tag) for known in request.if_none_match or ()):
            return web.Response(status=304, headers={"ETag": headers["ETag"], "Vary": headers["Vary"]})
        if is_compressed:
            return web.Response(body=self._compressed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=self._body, headers=headers)


class LazyResponse:
    """A response that is made in a thread when it is first requested: that takes too long for the start and the event
    loop."""

    def __init__(self, make: Callable[[], StaticResponse]) -> None:
        self._make = make
        self._made: asyncio.Task[StaticResponse] | None = None

    async def get(self) -> StaticResponse:
        """Return the response. A cancelled caller does not cancel it for others, and a failure is retried by the next
        caller."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._made)
