"""Read request bodies with limits on size and time, and on the memory of all bodies that are still arriving."""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web
from multidict import CIMultiDict, MultiMapping

from shared.platform.errors import (
    BadRequest,
    ClientLeft,
    PayloadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from shared.platform.web.body_memory import BodyMemory
from shared.platform.web.decompression import SUPPORTED_ENCODINGS, BodyDecompressor, EncodingBroken

MAX_HELD_BYTES = 64 << 20  # bytes of bodies that are still arriving at this process
# The first bytes of each body are not counted: small leads that arrive in pieces are taken while large bodies fill the
# rest.
UNCOUNTED_BYTES = 64 << 10
UNKNOWN_ENCODING_MESSAGE = "Send the body as it is or with Content-Encoding: gzip or deflate."
TOO_MANY_BODIES_MESSAGE = (
    "Your workspace has too many large requests on their way. Wait for some of them and send this one again."
)

# Whose share of the memory a body takes: the workspace of the request's key. Requests without a key have one share.
BODY_OWNER = web.RequestKey("body_owner", int)

_body_memory = BodyMemory(MAX_HELD_BYTES)


async def read_body(request: web.Request, limit: int, seconds: float, owner: Hashable = None) -> bytes:
    """Return the whole body, decompressed. Its memory counts for BODY_OWNER, or for the `owner`.

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
            return _check_size(content.read_nowait(-1), limit)
        async with asyncio.timeout(seconds):
            inflater = BodyDecompressor(encoding) if encoding else None
            return await _read_parts(request, limit, inflater, owner or request.get(BODY_OWNER))
    except TimeoutError:
        raise RequestTimeout(headers={"Connection": "close"}) from None
    except ConnectionError:
        raise ClientLeft from None
    except (web.RequestPayloadError, EncodingBroken):
        # The end of the body is unknown, and so is the start of the next request: aiohttp closes the connection.
        message = "The body does not match its Content-Encoding or Transfer-Encoding."
        raise BadRequest(message, headers={"Connection": "close"}) from None


async def _read_parts(request: web.Request, limit: int, inflater: BodyDecompressor | None, who: Hashable) -> bytes:
    parts, size, came, counted = [], 0, 0, 0
    try:
        while data := await request.content.readany():
            came += len(data)
            for part in inflater.decompress_steps(data) if inflater else (data,):
                size += len(part)
                parts.append(part)
                if max(size, came) > limit:
                    raise _too_large(limit)
                more = max(size - UNCOUNTED_BYTES, 0) - counted
                if more and not _body_memory.try_reserve(who, more):
                    raise ServiceUnavailable(TOO_MANY_BODIES_MESSAGE)
                counted += more
                if inflater:
                    await asyncio.sleep(0)  # other tasks run between two steps
        if inflater:
            inflater.check_complete()
        return b"".join(parts)
    finally:
        _body_memory.release_bytes(who, counted)


@contextmanager
def hold_body_memory(request: web.Request, size: int) -> Iterator[None]:
    """Hold that many bytes for a body that arrives. Raises ServiceUnavailable beyond the workspace's share."""
    who = request.get(BODY_OWNER)
    if size and not _body_memory.try_reserve(who, size):
        raise ServiceUnavailable(TOO_MANY_BODIES_MESSAGE)
    try:
        yield
    finally:
        _body_memory.release_bytes(who, size)


def _check_size(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body may have at most {limit} bytes.")


def has_content_encoding(request: web.BaseRequest) -> bool:
    """Return whether the body has a Content-Encoding, known or not."""
    return any(_content_encodings(CIMultiDict(request.headers)))  # of an unreadable one they are a plain dictionary


def _encoding_of(request: web.BaseRequest) -> str | None:
    """Return the body's encoding, or None. Raises UnsupportedMediaType."""
    encodings = list(_content_encodings(request.headers))
    if len(encodings) > 1 or (encodings and encodings[0] not in SUPPORTED_ENCODINGS):
        raise UnsupportedMediaType(
            UNKNOWN_ENCODING_MESSAGE, headers={"Accept-Encoding": ", ".join(SUPPORTED_ENCODINGS)}
        )
    return encodings[0] if encodings else None


def _content_encodings(headers: MultiMapping[str]) -> Iterator[str]:
    names = headers.getall(hdrs.CONTENT_ENCODING, ())
    return (name.lower() for name in names if name.lower() != "identity")
