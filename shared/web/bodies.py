"""Reading a request's body: bounded in bytes and in time, before anybody looks at it, and all of them together in what
they hold while they come."""

import asyncio

from aiohttp import hdrs, web

from shared.errors import BadRequest, PayloadTooLarge, ServiceUnavailable, Timeout, UnsupportedMediaType

# What aiohttp takes off by itself; br and zstd only where their packages are, else its parser refuses them.
ENCODINGS = ("identity", "gzip", "deflate", "br", "zstd")
MOST_HELD = 64 << 20  # bytes of bodies on their way to this process,
UNCOUNTED = 64 << 10  # but for the first of each: leads that come in pieces go on while large bodies fill the rest
UNKNOWN = "Send the body as it is or with Content-Encoding: gzip or deflate."


_held = 0  # bytes that count


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes:
    """The whole body. Raises PayloadTooLarge past `limit` bytes, the rest unread, Timeout after `seconds`,
    ServiceUnavailable where too much is held of bodies that have not come whole,
    BadRequest for a body that breaks its own encoding, and UnsupportedMediaType for an encoding that is not known."""
    if any(name.lower() not in ENCODINGS for name in request.headers.getall(hdrs.CONTENT_ENCODING, ())):
        raise unknown_encoding()
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(f"The request body may have at most {limit} bytes.")
    content = request.content
    try:
        if content.is_eof():  # it came with the headers: no timer, no task switch
            return _bounded(content.read_nowait(-1), limit)
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError:
        raise Timeout(headers={"Connection": "close"}) from None
    except ConnectionError:  # nobody hears the answer, but the log must not blame a server for it
        raise BadRequest("The client left before its request was read.") from None
    except web.RequestPayloadError:
        # Where it ends is not known, so neither is where the next request begins: aiohttp closes the connection.
        message = "The body does not match its Content-Encoding or Transfer-Encoding."
        raise BadRequest(message, headers={"Connection": "close"}) from None


async def _read(request: web.Request, limit: int) -> bytes:
    global _held
    parts, size, counted = [], 0, 0
    try:
        while part := await request.content.readany():
            size += len(part)
            parts.append(part)
            if size > limit:
                break
            more = max(size - UNCOUNTED, 0) - counted
            if more and _held + more > MOST_HELD:
                raise ServiceUnavailable("Too many large requests are on their way. Send it again.")
            counted += more
            _held += more
        return _bounded(b"".join(parts), limit)
    finally:
        _held -= counted


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise PayloadTooLarge(f"The request body may have at most {limit} bytes.")
    return body


def unknown_encoding() -> UnsupportedMediaType:
    """The refusal of a body in an encoding that is not known."""
    return UnsupportedMediaType(UNKNOWN, headers={"Accept-Encoding": "gzip, deflate"})
