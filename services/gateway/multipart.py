"""Bodies in `multipart/form-data`, as web forms with files send them."""

import hashlib

import aiohttp
from aiohttp import web
from aiohttp.http import HttpProcessingError

from shared.errors import BadRequest
from shared.forms.filling import File
from shared.leads.forms import MAX_FIELDS, Malformed
from shared.validation import storable

# What the reader raises for a body that is none; the assertions are its own.
BROKEN = (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError)

Pair = tuple[str, str | File]


async def read_multipart(request: web.Request, body: bytes) -> list[Pair]:
    """Names and values in the order of the body, which is in memory, read within its limits. Of a file nothing is kept
    but its name, size and type. Raises BadRequest."""
    content = aiohttp.StreamReader(request.protocol, limit=len(body) + 1)
    content.feed_data(body)
    content.feed_eof()
    try:
        return await _pairs(aiohttp.MultipartReader(request.headers, content))
    except Malformed:
        raise
    except BROKEN:
        raise BadRequest("The body is not valid multipart/form-data in UTF-8.") from None


async def _pairs(reader: aiohttp.MultipartReader) -> list[Pair]:
    pairs: list[Pair] = []
    async for part in reader:
        if not isinstance(part, aiohttp.BodyPartReader) or part.name is None:
            raise ValueError("no form data")
        if len(pairs) == MAX_FIELDS:
            raise Malformed(f"The form has more than {MAX_FIELDS} fields.")
        data = await part.read()
        if part.filename is None:
            pairs.append((part.name, data.decode()))
        elif part.filename or data:  # a file field that was left empty is sent with no name and no content
            pairs.append((part.name, _file(part, data)))
    return pairs


def _file(part: aiohttp.BodyPartReader, data: bytes) -> File:
    content_type = part.headers.get("Content-Type", "application/octet-stream")
    digest = hashlib.sha256(data).hexdigest()
    return File(storable(part.filename or "")[:255], len(data), storable(content_type)[:255], digest)
