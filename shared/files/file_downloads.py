"""Send files to those who may have them: always as a download, never to be shown or run by the browser."""

import asyncio
from collections.abc import AsyncGenerator

from aiohttp import hdrs, web

from shared.files.file_names import DOWNLOAD_HEADERS, attachment_header
from shared.files.file_records import FileRecord
from shared.files.file_store import FileStore
from shared.files.file_types import download_type
from shared.files.s3_bucket import BucketUnusable, S3Bucket, open_bucket
from shared.platform.errors import NotFound, ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.settings import Settings
from shared.platform.web.response_headers import complete_headers

log = logging.get_logger()

DOWNLOAD_SECONDS = 600.0  # seconds of one download, at most
ABSENT_MESSAGE = "The content of this file is not here."


class FileDownloads:
    """Where contents lie: on disk, and in the bucket of `LEADHUB_FILES_URL`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = FileStore(settings.files_folder)
        self._bucket: S3Bucket | None = None
        self._opening = asyncio.Lock()

    async def send(self, request: web.Request, file: FileRecord) -> web.StreamResponse:
        """Answer with a file. Raises NotFound if its content is gone, ServiceUnavailable if it cannot be read now.

        If reading fails on the way, the connection breaks: no file looks whole that is not.
        """
        pieces = await self.read_content(file.digest)
        response = web.StreamResponse(headers={**DOWNLOAD_HEADERS, "Content-Disposition": attachment_header(file.name)})
        response.content_type, response.content_length = download_type(file.type), file.size
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                complete_headers(request, response)
                await response.prepare(request)
                if request.method != hdrs.METH_HEAD:
                    async for piece in pieces:
                        await response.write(piece)
                await response.write_eof()
        except ConnectionError:
            log.info("files.download_left")
        except (OSError, BucketUnusable) as error:
            log.error("files.download_failed", error=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
        finally:
            await pieces.aclose()
        return response

    def close(self) -> None:
        """End the threads."""
        self._store.close()
        if self._bucket:
            self._bucket.close()

    async def read_content(self, digest: str) -> AsyncGenerator[bytes]:
        """Return a content's pieces: from disk, where each content lies at first, else from the bucket.

        Raises NotFound if it is gone, ServiceUnavailable if it cannot be read now.
        """
        try:
            try:
                return self._store.read_chunks(await self._store.open_stored(digest))
            except FileNotFoundError:
                bucket = await self._open_bucket()
                if bucket is None:
                    raise
                return await bucket.read_chunks(digest)
        except FileNotFoundError:
            # It may be in the folder of another machine: all services share LEADHUB_FILES_DIR.
            log.warning("files.content_absent", digest=digest, setting="LEADHUB_FILES_DIR")
            raise NotFound(ABSENT_MESSAGE) from None
        except (OSError, BucketUnusable) as error:
            log.error("files.unreadable", error=type(error).__name__, reason=str(error))
            raise ServiceUnavailable("The file cannot be read just now. Ask for it again later.") from error

    async def _open_bucket(self) -> S3Bucket | None:
        async with self._opening:
            if self._bucket is None:
                self._bucket = await asyncio.to_thread(open_bucket, self._settings)  # the library takes a while to load
            return self._bucket
