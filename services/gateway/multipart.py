"""Read `multipart/form-data` bodies, which web forms with files send."""

import hashlib

import aiohttp
from aiohttp import web
from aiohttp.http import HttpProcessingError

from shared.errors import BadRequest
from shared.forms.filling import File
from shared.leads.forms import MAX_FIELDS, Malformed
from shared.validation import storable

# Errors that aiohttp's reader raises for a broken body; the assertions are the reader's own.
BROKEN = (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError)

Pair = tuple[str, str | File]


async def read_multipart(request: web.Request, body: bytes) -> list[Pair]:
    """Return names and values in the order of the body, which was read within its limits.

    Of a file only name, size, type and digest are kept. Raises BadRequest.
    """
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
        elif part.filename or data:  # an empty file field is sent without name and content
            pairs.append((part.name, _file(part, data)))
    return pairs


def _file(part: aiohttp.BodyPartReader, data: bytes) -> File:
    content_type = part.headers.get("Content-Type", "application/octet-stream")
    digest = hashlib.sha256(data).hexdigest()
    return File(storable(part.filename or "")[:255], len(data), storable(content_type)[:255], digest)
