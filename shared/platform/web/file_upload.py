"""Receive one large file with a form: it goes to the disk while it arrives, so that memory stays flat.

The file has no name on the disk: it is gone when it is closed, also if the process dies.
"""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

import aiohttp
from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError

from shared.platform.errors import (
    BadRequest,
    ClientLeft,
    PayloadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from shared.platform.observability import logging
from shared.platform.web.request_body import has_content_encoding, hold_body_memory

log = logging.get_logger()

# Errors that aiohttp's reader raises for a broken body; the assertions are the reader's own.
MULTIPART_ERRORS = (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError)
READ_BYTES = 256 << 10  # bytes of a part that are read and written at once
BUFFER_BYTES = 1 << 20  # bytes of memory that one upload holds, at most
MAX_TEXTS_BYTES = 512 << 10  # bytes of all other fields together
MAX_PARTS = 500
SLOWEST_PACE = 16_000  # bytes a second; an upload that comes more slowly is given up
FURTHER_COPIES = 2  # of a file, for which the disk must have room
PATIENCE_SECONDS = 30.0  # seconds before the first byte, and beyond the slowest pace
NO_FORM_MESSAGE = "Send multipart/form-data with the file in its field `file`."
DISK_FULL_MESSAGE = (
    "The disk of this installation has no room for the file. Send it again when an operator has freed some."
)


@dataclass(slots=True)
class ReceivedUpload:
    """A form with a file. `file` is None where none was sent; `texts` are the other fields."""

    texts: dict[str, str] = field(default_factory=dict)
    file: BinaryIO | None = None
    name: str = ""
    size: int = 0


@asynccontextmanager
async def received_upload(
    request: web.Request,
    folder: Path,
    limit: int,
    feed: Callable[[bytes], object],
    reserve: int,
    *,
    field_name: str = "file",
) -> AsyncIterator[ReceivedUpload]:
    """Yield the form when all of it has arrived. `feed` gets each part of the file as it comes; it must not block.

    Raises PayloadTooLarge for a file of more than `limit` bytes, UnsupportedMediaType, BadRequest, RequestTimeout, and
    ServiceUnavailable if memory is full, or if the file would leave less than `reserve` bytes of the disk.
    """
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(NO_FORM_MESSAGE)
    if has_content_encoding(request):
        raise UnsupportedMediaType("Send the file as it is, without Content-Encoding.")
    if (request.content_length or 0) > limit + MAX_TEXTS_BYTES:
        raise _too_large(limit)
    received = ReceivedUpload()
    try:
        with hold_body_memory(request, BUFFER_BYTES):
            await _UploadReading(request, folder, limit, feed, reserve, field_name, received).read_all()
        yield received
    finally:
        if received.file is not None:
            await asyncio.to_thread(received.file.close)


@dataclass(slots=True)
class _UploadReading:
    request: web.Request
    folder: Path
    limit: int
    feed: Callable[[bytes], object]
    reserve: int
    field_name: str
    received: ReceivedUpload
    text_bytes: int = 0

    async def read_all(self) -> None:
        try:
            await self._read_parts()
        except TimeoutError:
            raise RequestTimeout(headers={"Connection": "close"}) from None
        except ConnectionError:  # nobody receives the answer, but the log must not show a server error
            raise ClientLeft from None
        except web.RequestPayloadError:
            raise BadRequest(
                "The body does not match its Transfer-Encoding.", headers={"Connection": "close"}
            ) from None
        except OSError as error:
            log.warning("upload.not_stored", error=type(error).__name__)
            raise ServiceUnavailable(DISK_FULL_MESSAGE, retry_after=60) from error
        except MULTIPART_ERRORS:
            raise BadRequest("The body is not valid multipart/form-data in UTF-8.") from None

    async def _read_parts(self) -> None:
        began, parts = asyncio.get_running_loop().time(), 0
        async with asyncio.timeout(PATIENCE_SECONDS) as deadline:
            async for part in aiohttp.MultipartReader(self.request.headers, self.request.content):
                parts += 1
                if not isinstance(part, aiohttp.BodyPartReader) or part.name is None or parts > MAX_PARTS:
                    raise ValueError("no form data")

                def note() -> None:
                    came = self.received.size + self.text_bytes
                    deadline.reschedule(began + PATIENCE_SECONDS + came / SLOWEST_PACE)

                await self._read_part(part, note)

    async def _read_part(self, part: aiohttp.BodyPartReader, note: Callable[[], None]) -> None:
        name = part.name or ""
        if name == self.field_name and part.filename is not None:
            await self._read_file(part, note)
            return
        data = bytearray()
        while chunk := await part.read_chunk(READ_BYTES):
            self.text_bytes += len(chunk)
            if self.text_bytes > MAX_TEXTS_BYTES:
                raise PayloadTooLarge(f"The fields beside the file may have at most {MAX_TEXTS_BYTES} bytes.")
            data += chunk
            note()
        if part.filename is None:
            self.received.texts[name] = data.decode()

    async def _read_file(self, part: aiohttp.BodyPartReader, note: Callable[[], None]) -> None:
        received = self.received
        if received.file is not None:
            raise BadRequest("Send one file at a time.")
        received.name = part.filename or ""
        received.file = await asyncio.to_thread(_open_nameless, self.folder)
        gathered: list[bytes] = []
        held = 0
        while chunk := await part.read_chunk(READ_BYTES):
            received.size += len(chunk)
            if received.size > self.limit:
                raise _too_large(self.limit)
            gathered.append(chunk)
            held += len(chunk)
            note()
            if held >= READ_BYTES:
                await self._write(gathered)
                gathered, held = [], 0
        await self._write(gathered)
        if not received.size and not received.name:  # an empty file field is sent without name and content
            received.file.close()
            received.file = None

    async def _write(self, gathered: list[bytes]) -> None:
        data = b"".join(gathered)
        self.feed(data)
        await asyncio.to_thread(self._write_with_room, data)

    def _write_with_room(self, data: bytes) -> None:
        # The file is read into the database afterwards, whose log holds it once more.
        if shutil.disk_usage(self.folder).free < self.reserve + FURTHER_COPIES * self.received.size:
            raise OSError(errno.ENOSPC, "the reserve of the disk is reached")
        cast("IO[bytes]", self.received.file).write(data)


def _open_nameless(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The file may have at most {limit >> 20} MB.", headers={hdrs.CONNECTION: "close"})
