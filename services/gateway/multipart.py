"""Read `multipart/form-data` bodies, which web forms with files send. Files go to disk while they arrive.

Memory is bounded: texts by the limit of a body, each file by a few buffers, and all bodies by what a process may hold.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp import web
from aiohttp.http import HttpProcessingError

from services.gateway.context import Gateway
from services.gateway.uploaded_files import MEGABYTE_BYTES, UploadedFile
from shared.files.file_names import clean_file_name
from shared.files.file_store import FileStore, FileTooLarge, StoredContent
from shared.files.file_types import TYPE_HEAD_BYTES, judge_type
from shared.forms.definition import FormDefinition
from shared.leads.form_encoding import MAX_FORM_FIELDS, MalformedBody
from shared.platform.errors import BadRequest, ClientLeft, PayloadTooLarge, RequestTimeout
from shared.platform.web.request_body import UNCOUNTED_BYTES, has_content_encoding, hold_body_memory, read_body

# Errors that aiohttp's reader raises for a broken body; the assertions are the reader's own.
MULTIPART_ERRORS = (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError)
MAX_FILES = 50  # of one submission: each of them is made durable on its own
CHUNK_BYTES = 64 << 10
UPLOAD_MEMORY_BYTES = 512 << 10  # bytes of buffers of a body with files, at most
SLOWEST_PACE = 16_000  # bytes a second; a body that comes more slowly is given up

FormPair = tuple[str, str | UploadedFile]


@asynccontextmanager
async def received_files(
    request: web.Request, gateway: Gateway, form: FormDefinition | None
) -> AsyncIterator[list[FormPair]]:
    """Yield names and values in the order of the body. The contents of the form's file fields are on disk by then.

    Files of other fields are read and not stored; `form` None: none is stored. If the block raises, contents that only
    this post brought are removed. An error whose outcome is unclear must not be raised in it: the submission may count.

    Raises BadRequest, PayloadTooLarge, RequestTimeout, and ServiceUnavailable if the disk or memory is full.
    """
    limits = _upload_limits(form)
    if form and limits.total:
        limits = replace(limits, has_room=await gateway.file_quota.has_room(form.workspace_id))
    reading = _BodyReading(gateway.files, limits, gateway.settings.body_limit, gateway.settings.body_timeout)
    try:
        await _read_whole(request, gateway, reading)
        yield reading.pairs
        if form:
            gateway.file_quota.add(form.workspace_id, sum(content.size for content in reading.stored))
    except Exception:
        for content in reading.stored:
            await gateway.files.discard(content)
        raise


@dataclass(frozen=True, slots=True)
class _UploadLimits:
    by_field: Mapping[str, int]  # bytes of one file, by the key of its field
    total: int  # bytes of all files
    has_room: bool = True  # of the workspace


def _upload_limits(form: FormDefinition | None) -> _UploadLimits:
    files = [field for field in form.fields if field["type"] == "file"] if form else []
    by_field = {field["key"]: field["max_size_mb"] * MEGABYTE_BYTES for field in files}
    return _UploadLimits(by_field, form.settings["max_upload_mb"] * MEGABYTE_BYTES if form and by_field else 0)


async def _read_whole(request: web.Request, gateway: Gateway, reading: "_BodyReading") -> None:
    length = request.content_length
    if length and length > reading.limits.total + reading.text_limit:
        raise reading.too_large()
    is_small = length is not None and length <= UNCOUNTED_BYTES
    try:
        if has_content_encoding(request):  # only bodies without large files come so
            body = await read_body(request, reading.text_limit, reading.seconds)
            await reading.read_all(request, _complete_stream(request, body))
        else:
            with hold_body_memory(request, 0 if is_small else UPLOAD_MEMORY_BYTES):
                await reading.read_all(request, request.content)
    except MalformedBody as error:
        raise BadRequest(str(error)) from error
    except TimeoutError:
        raise RequestTimeout(headers={"Connection": "close"}) from None
    except ConnectionError:  # nobody receives the answer, but the log must not show a server error
        raise ClientLeft from None
    except web.RequestPayloadError:
        raise BadRequest("The body does not match its Transfer-Encoding.", headers={"Connection": "close"}) from None
    except MULTIPART_ERRORS:
        raise BadRequest("The body is not valid multipart/form-data in UTF-8.") from None


def _complete_stream(request: web.Request, body: bytes) -> aiohttp.StreamReader:
    content = aiohttp.StreamReader(request.protocol, limit=len(body) + 1)
    content.feed_data(body)
    content.feed_eof()
    return content


@dataclass(slots=True)
class _BodyReading:
    """A body that is being read. `stored` are the contents that it brought so far."""

    store: FileStore
    limits: _UploadLimits
    text_limit: int
    seconds: float  # before the first byte, and beyond the slowest pace
    pairs: list[FormPair] = field(default_factory=list)
    stored: list[StoredContent] = field(default_factory=list)
    text_bytes: int = 0
    file_bytes: int = 0
    files: int = 0

    async def read_all(self, request: web.Request, content: aiohttp.StreamReader) -> None:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(self.seconds) as deadline:
            async for part in aiohttp.MultipartReader(request.headers, content):
                if not isinstance(part, aiohttp.BodyPartReader) or part.name is None:
                    raise ValueError("no form data")
                if len(self.pairs) == MAX_FORM_FIELDS:
                    raise MalformedBody(f"The form has more than {MAX_FORM_FIELDS} fields.")
                await self._read_part(part.name, _PartChunks(part, self, deadline, began))

    async def _read_part(self, name: str, chunks: "_PartChunks") -> None:
        if chunks.part.filename is None:
            self.pairs.append((name, b"".join([chunk async for chunk in chunks]).decode()))
            return
        first = await anext(chunks, b"")
        if not chunks.part.filename and not first:  # an empty file field is sent without name and content
            return
        self.files += 1
        if self.files > MAX_FILES:
            raise MalformedBody(f"The form has more than {MAX_FILES} files.")
        chunks.put_back(first)
        self.pairs.append((name, await self._read_file(name, chunks)))

    async def _read_file(self, name: str, chunks: "_PartChunks") -> UploadedFile:
        limit = self.limits.by_field.get(name.removesuffix("[]"))
        title = clean_file_name(chunks.part.filename or "")
        if limit is not None and not self.limits.has_room:
            return UploadedFile(title, await _skip_rest(chunks), judge_type(b""), has_no_room=True)
        if limit is not None:
            try:
                content = await self.store.put(chunks, limit)
            except FileTooLarge:
                return UploadedFile(title, await _skip_rest(chunks), judge_type(b""))
            self.stored.append(content)
            return UploadedFile(title, content.size, content.type, content.digest, str(uuid.uuid4()))
        head, digest = b"", hashlib.sha256()
        async for chunk in chunks:
            head = head or chunk[:TYPE_HEAD_BYTES]
            digest.update(chunk)
        return UploadedFile(title, chunks.size, judge_type(head), digest.hexdigest())

    def count(self, size: int, *, is_file: bool) -> None:
        """Count bytes of a text or a file. Raises PayloadTooLarge beyond their limits."""
        self.text_bytes += 0 if is_file else size
        self.file_bytes += size if is_file else 0
        # Files that are not stored may take the room that texts have.
        if max(self.text_bytes, self.file_bytes - self.limits.total) > self.text_limit:
            raise self.too_large()
        if self.limits.total and self.file_bytes > self.limits.total:
            raise self.too_large()

    def too_large(self) -> PayloadTooLarge:
        megabytes = self.limits.total // MEGABYTE_BYTES
        files = f" beside {megabytes} MB of files" if megabytes else ""
        return PayloadTooLarge(f"The request body may have at most {self.text_limit} bytes{files}.")


class _PartChunks:
    """The bytes of one part, counted, each of which moves the deadline."""

    def __init__(
        self, part: aiohttp.BodyPartReader, reading: _BodyReading, deadline: asyncio.Timeout, began: float
    ) -> None:
        self.part, self.size = part, 0
        self._reading, self._deadline, self._began = reading, deadline, began
        self._first = b""

    def __aiter__(self) -> "_PartChunks":
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        while not self.part.at_eof():
            if chunk := await self.part.read_chunk(CHUNK_BYTES):
                self._note(len(chunk))
                return chunk
        raise StopAsyncIteration

    def put_back(self, first: bytes) -> None:
        """Have the first chunk read again."""
        self._first = first

    def _note(self, size: int) -> None:
        self.size += size
        reading = self._reading
        reading.count(size, is_file=self.part.filename is not None)
        came = reading.text_bytes + reading.file_bytes
        self._deadline.reschedule(self._began + reading.seconds + came / SLOWEST_PACE)


async def _skip_rest(chunks: _PartChunks) -> int:
    """Read the rest of a file that is too large. Return the size of all of it."""
    async for _ in chunks:
        pass
    return chunks.size
