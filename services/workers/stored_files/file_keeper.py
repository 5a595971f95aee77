"""The sweeper's duty about files: moving them to S3, and removing those that nobody needs."""

import asyncio
import contextlib

import redis.asyncio as redis

from services.workers.stored_files.erased_contents import remove_erased_contents
from services.workers.stored_files.file_cleanup import remove_forgotten_files, remove_orphaned_contents
from services.workers.stored_files.file_mover import FileMover
from shared.files.file_store import FileStore
from shared.files.s3_bucket import BucketUnusable, S3Bucket, open_bucket
from shared.intake.spool import Spool
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.advisory_locks import FILES_LOCK
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

CLEANUP_SECONDS = 3600.0  # seconds between two cleanups
MOVE_POLL_SECONDS = 2.0  # seconds between two looks for files to move
MAX_RETRY_SECONDS = 60.0  # seconds before a bucket that failed is tried again, at most
IDLE_SECONDS = 5.0  # seconds between two tries for the lock


class FileKeeper:
    """Keeps the files in order. `stopping` ends it; a database that is away raises, and the caller starts it again."""

    def __init__(self, settings: Settings, spool: Spool, stopping: asyncio.Event) -> None:
        self._settings, self._spool, self._stopping = settings, spool, stopping
        self._store = FileStore(settings.files_folder)
        self._bucket: S3Bucket | None = None
        self._mover: FileMover | None = None
        self._cipher = Cipher.from_settings(settings)
        self.failures = 0
        self._cleaned_at = float("-inf")

    async def run(self, connection: Connection) -> float:
        """Work while this process holds the lock of files: a content must not be moved while another removes it.

        Go on until the process stops if files are moved to a bucket, else look once. Return the seconds until the next
        call, if an erasure is open then. The connection belongs to this call: its end gives the lock back.
        """
        while not self._stopping.is_set():
            row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (FILES_LOCK,))).fetchone()
            if row and row[0]:
                await self._keep_files(connection)
            if not self._settings.files_url:
                break
            await self._wait_for_stop(IDLE_SECONDS)
        return MOVE_POLL_SECONDS

    async def _keep_files(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            moved = await self._move_some(connection) if self._settings.files_url else 0
            await self._remove_erased(connection)
            if now() - self._cleaned_at >= CLEANUP_SECONDS:
                self._cleaned_at = now()
                await self._clean_up(connection)
            if not self._settings.files_url:
                return
            if not moved:
                await self._wait_for_stop(min(MOVE_POLL_SECONDS * 2**self.failures, MAX_RETRY_SECONDS))

    async def _move_some(self, connection: Connection) -> int:
        try:
            if self._mover is None:
                self._bucket = await asyncio.to_thread(open_bucket, self._settings)
                assert self._bucket is not None  # noqa: S101  # the setting is not empty
                self._mover = FileMover(self._store, self._bucket, self._spool)
            moved = await self._mover.move_chunk(connection)
        except (BucketUnusable, redis.RedisError, OSError) as error:
            self.failures = min(self.failures + 1, 10)
            log.warning("files.not_moved", error=type(error).__name__, reason=str(error))
            return 0
        self.failures = 0
        if moved:
            log.info("files.moved", contents=moved)
        return moved

    async def _remove_erased(self, connection: Connection) -> None:
        try:
            removed = await remove_erased_contents(connection, self._cipher, self._store, self._bucket, self._spool)
        except (BucketUnusable, redis.RedisError, OSError) as error:
            log.warning("files.erased_not_removed", error=type(error).__name__, reason=str(error))
            return
        if removed:
            log.info("files.erased", contents=removed)

    async def _clean_up(self, connection: Connection) -> None:
        forgotten = await remove_forgotten_files(connection, self._bucket)
        try:
            is_moving = self._bucket is not None
            orphans = await remove_orphaned_contents(connection, self._store, self._spool, is_moving=is_moving)
        except (redis.RedisError, OSError) as error:
            orphans = 0
            log.warning("files.not_cleaned", error=type(error).__name__)
        if forgotten or orphans:
            log.info("files.removed", files=forgotten, contents=orphans)

    async def _wait_for_stop(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
