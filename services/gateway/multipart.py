"""Read `multipart/form-data` bodies, which web forms with files send."""

import hashlib

import aiohttp
from aiohttp import web
from aiohttp.http import HttpProcessingError

from services.gateway.form_values import UploadedFile
from shared.errors import BadRequest
from shared.leads.form_encoding import MAX_FORM_FIELDS, MalformedBody
from shared.validation.schema import escape_unstorable

# Errors that aiohttp's reader raises for a broken body; the assertions are the reader's own.
MULTIPART_ERRORS = (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError)

FormPair = tuple[str, str | UploadedFile]


async def read_multipart(request: web.Request, body: bytes) -> list[FormPair]:
    """Return names and values in the order of the body, which was read within its limits.

    Of a file only name, size, type and digest are kept. Raises BadRequest.
    """
    content = aiohttp.StreamReader(request.protocol, limit=len(body) + 1)
    content.feed_data(body)
    content.feed_eof()
    try:
        return await _read_pairs(aiohttp.MultipartReader(request.headers, content))
    except MalformedBody:
        raise
    except MULTIPART_ERRORS:
        raise BadRequest("The body is not valid multipart/form-data in UTF-8.") from None


async def _read_pairs(reader: aiohttp.MultipartReader) -> list[FormPair]:
    pairs: list[FormPair] = []
    async for part in reader:
        if not isinstance(part, aiohttp.BodyPartReader) or part.name is None:
            raise ValueError("no form data")
        if len(pairs) == MAX_FORM_FIELDS:
            raise MalformedBody(f"The form has more than {MAX_FORM_FIELDS} fields.")
        data = await part.read()
        if part.filename is None:
            pairs.append((part.name, data.decode()))
        elif part.filename or data:  # an empty file field is sent without name and content
            pairs.append((part.name, _describe_file(part, data)))
    return pairs


def _describe_file(part: aiohttp.BodyPartReader, data: bytes) -> UploadedFile:
    content_type = part.headers.get("Content-Type", "application/octet-stream")
    digest = hashlib.sha256(data).hexdigest()
    return UploadedFile(
        escape_unstorable(part.filename or "")[:255], len(data), escape_unstorable(content_type)[:255], digest
    )
