"""Move contents from disk to the bucket of `LEADHUB_FILES_URL`."""

import time

from services.workers.stored_files.pending_contents import read_pending_digests
from shared.files.file_store import FileStore
from shared.files.s3_bucket import S3Bucket
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

MOVED_FILES = 50  # files that are read in one statement
MISSING_RETRY_SECONDS = 3600.0  # seconds after which a content that is nowhere is looked for again
LISTED_BY_AGE_SQL = """
SELECT encode(digest, 'hex'), size FROM (
    SELECT digest, size FROM files WHERE storage = 'disk' AND digest <> ALL (%s::bytea[]) ORDER BY created_at LIMIT %s
) AS waiting GROUP BY digest, size
"""
MARK_MOVED_SQL = "UPDATE files SET storage = 's3' WHERE digest = decode(%s, 'hex') AND storage = 'disk'"


class FileMover:
    """Moves contents, the oldest first. One process does it at a time: the caller holds the lock of files."""

    def __init__(self, store: FileStore, bucket: S3Bucket, spool: Spool) -> None:
        self._store, self._bucket, self._spool = store, bucket, spool
        self._missing: dict[str, float] = {}  # by digest: when it is looked for again

    async def move_chunk(self, connection: Connection) -> int:
        """Move some contents. Return how many moved; 0: none waits. Raises BucketUnusable, and OSError of the disk.

        A content leaves the disk once the bucket has it, by size and SHA-256, and its rows say so. One that a waiting
        submission has too stays until that is ingested.
        """
        now = time.monotonic()
        self._missing = {digest: at for digest, at in self._missing.items() if at > now}
        skipped = list(map(bytes.fromhex, self._missing))
        rows = await (await connection.execute(LISTED_BY_AGE_SQL, (skipped, MOVED_FILES))).fetchall()
        moved = {digest: stamp for digest, size in rows if (stamp := await self._move(connection, digest, size))}
        if on_disk := {digest: stamp for digest, stamp in moved.items() if stamp > 0}:
            waiting = await read_pending_digests(connection, self._spool)
            for digest, stamp in on_disk.items():
                if digest not in waiting:
                    await self._store.remove(digest, unchanged_since=stamp)
        return len(moved)

    async def _move(self, connection: Connection, digest: str, size: int) -> float:
        """Copy a content and mark its rows. Return the time of its last post, -1 if it had moved, 0 if it is away."""
        stamp = await self._store.changed_at(digest)
        if stamp is not None:
            await self._bucket.upload(digest, self._store.path_of(digest))
        if not await self._bucket.holds(digest, size):
            log.error("files.content_missing" if stamp is None else "files.not_verified", digest=digest)
            self._missing[digest] = time.monotonic() + MISSING_RETRY_SECONDS
            return 0
        await connection.execute(MARK_MOVED_SQL, (digest,))
        return stamp if stamp is not None else -1
