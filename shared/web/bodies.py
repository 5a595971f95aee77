"""Read request bodies with limits on size and time, and on the memory of all bodies that are still arriving."""

import asyncio
from collections.abc import Iterator

from aiohttp import hdrs, web

from shared.errors import BadRequest, PayloadTooLarge, ServiceUnavailable, Timeout, UnsupportedMediaType
from shared.web.access import KEY
from shared.web.inflating import ENCODINGS, Broken, Inflater
from shared.web.room import Room

MOST_HELD = 64 << 20  # bytes of bodies that are still arriving at this process
# The first bytes of each body are not counted: small leads that arrive in pieces are taken while large bodies fill the
# rest.
UNCOUNTED = 64 << 10
UNKNOWN = "Send the body as it is or with Content-Encoding: gzip or deflate."
TOO_MANY = "Your workspace has too many large requests on their way. Wait for some of them and send this one again."

_room = Room(MOST_HELD)


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes:
    """Return the whole body, decompressed.

    Raises PayloadTooLarge past `limit` bytes, without reading the rest; Timeout after `seconds`; ServiceUnavailable if
    the workspace's incomplete bodies hold more than its share; BadRequest for a body that breaks its own encoding; and
    UnsupportedMediaType for an unknown encoding.

    aiohttp must run without `auto_decompress`: it would decompress before the key is checked.
    """
    encoding = _encoding_of(request)
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    content = request.content
    try:
        if encoding is None and content.is_eof():  # the body came with the headers: no timer, no task switch
            return _bounded(content.read_nowait(-1), limit)
        async with asyncio.timeout(seconds):
            return await _read(request, limit, Inflater(encoding) if encoding else None)
    except TimeoutError:
        raise Timeout(headers={"Connection": "close"}) from None
    except ConnectionError:  # nobody receives the answer, but the log must not show a server error
        raise BadRequest("The client left before its request was read.") from None
    except (web.RequestPayloadError, Broken):
        # The end of the body is unknown, and so is the start of the next request: aiohttp closes the connection.
        message = "The body does not match its Content-Encoding or Transfer-Encoding."
        raise BadRequest(message, headers={"Connection": "close"}) from None


async def _read(request: web.Request, limit: int, inflater: Inflater | None) -> bytes:
    parts, size, came, counted = [], 0, 0, 0
    key = request.get(KEY)
    who = key and key.workspace_id  # requests without a key share one share
    try:
        while data := await request.content.readany():
            came += len(data)
            for part in inflater.steps(data) if inflater else (data,):
                size += len(part)
                parts.append(part)
                if max(size, came) > limit:
                    raise _too_large(limit)
                more = max(size - UNCOUNTED, 0) - counted
                if more and not _room.take(who, more):
                    raise ServiceUnavailable(TOO_MANY)
                counted += more
                if inflater:
                    await asyncio.sleep(0)  # other tasks run between two steps
        if inflater:
            inflater.end()
        return b"".join(parts)
    finally:
        _room.give_back(who, counted)


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body may have at most {limit} bytes.")


def is_encoded(request: web.BaseRequest) -> bool:
    """Return whether the body has a Content-Encoding, known or not."""
    return any(_encodings(request))


def _encoding_of(request: web.BaseRequest) -> str | None:
    """Return the body's encoding, or None. Raises UnsupportedMediaType."""
    found = list(_encodings(request))
    if len(found) > 1 or (found and found[0] not in ENCODINGS):
        raise UnsupportedMediaType(UNKNOWN, headers={"Accept-Encoding": ", ".join(ENCODINGS)})
    return found[0] if found else None


def _encodings(request: web.BaseRequest) -> Iterator[str]:
    names = request.headers.getall(hdrs.CONTENT_ENCODING, ())
    return (name.lower() for name in names if name.lower() != "identity")
