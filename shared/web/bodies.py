"""Reading a request's body: bounded in bytes and in time, before anybody looks at it."""

import asyncio

from aiohttp import hdrs, web

from shared.errors import BadRequest, PayloadTooLarge, Timeout, UnsupportedMediaType

# What aiohttp takes off by itself; br and zstd only where their packages are, else its parser refuses them.
ENCODINGS = ("identity", "gzip", "deflate", "br", "zstd")
UNKNOWN = "Send the body as it is or with Content-Encoding: gzip or deflate."


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes:
    """The whole body. Raises PayloadTooLarge past `limit` bytes, the rest unread, Timeout after `seconds`,
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
    parts, size = [], 0
    while part := await request.content.readany():
        size += len(part)
        parts.append(part)
        if size > limit:
            break
    return _bounded(b"".join(parts), limit)


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise PayloadTooLarge(f"The request body may have at most {limit} bytes.")
    return body


def unknown_encoding() -> UnsupportedMediaType:
    """The refusal of a body in an encoding that is not known."""
    return UnsupportedMediaType(UNKNOWN, headers={"Accept-Encoding": "gzip, deflate"})
