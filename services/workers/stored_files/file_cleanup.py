"""Remove files whose submission is gone, and contents on disk that no file has."""

import uuid
from collections.abc import Collection, Iterable
from typing import NamedTuple

from services.workers.stored_files.pending_contents import read_pending_digests
from shared.files.file_store import FileStore, seconds_ago
from shared.files.s3_bucket import BucketUnusable, S3Bucket
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

ORPHAN_SECONDS = 86_400.0  # age from which a content without a file is removed: its post failed long ago
CHECKED_ROWS = 1000  # rows that are looked at in one statement
MAX_ORPHANS = 10_000  # contents that are removed in one run

# A submission that is replayed or released waits in the journal, without its row.
CHECK_FILES_SQL = """
WITH chunk AS (
    SELECT workspace_id, id, submission_id, digest, storage FROM files
    WHERE (workspace_id, id) > (%s, %s) ORDER BY workspace_id, id LIMIT %s
)
SELECT workspace_id, id, encode(digest, 'hex'), storage,
       NOT EXISTS (SELECT FROM submissions s WHERE s.workspace_id = c.workspace_id AND s.id = c.submission_id)
       AND NOT EXISTS (SELECT FROM journal j WHERE c.submission_id = ANY (j.ids))
FROM chunk c ORDER BY workspace_id, id
"""
DELETE_FILES_SQL = """
DELETE FROM files f USING unnest(%s::bigint[], %s::uuid[]) AS g(workspace_id, id)
WHERE f.workspace_id = g.workspace_id AND f.id = g.id
"""
OTHER_FILES_SQL = """
SELECT DISTINCT encode(digest, 'hex') FROM files f
WHERE digest = ANY (%s::bytea[]) AND NOT EXISTS (
    SELECT FROM unnest(%s::bigint[], %s::uuid[]) AS g(workspace_id, id)
    WHERE f.workspace_id = g.workspace_id AND f.id = g.id)
"""
NEEDED_ON_DISK_SQL = """
SELECT DISTINCT encode(digest, 'hex') FROM files WHERE digest = ANY (%s::bytea[]) AND storage = ANY (%s)
"""


class _GoneFile(NamedTuple):
    workspace_id: int
    id: uuid.UUID
    digest: str
    storage: str


async def remove_forgotten_files(connection: Connection, bucket: S3Bucket | None) -> int:
    """Delete the rows of files whose submission is gone, and what the bucket has of them. Return how many.

    Objects go before their rows, so that none is left that no row knows. The caller holds the lock of files.
    """
    removed, after = 0, (0, uuid.UUID(int=0))
    while True:
        rows = await (await connection.execute(CHECK_FILES_SQL, (*after, CHECKED_ROWS))).fetchall()
        if not rows:
            return removed
        after = rows[-1][0], rows[-1][1]
        gone = [_GoneFile(*row[:4]) for row in rows if row[4]]
        kept = await _remove_objects(connection, bucket, gone)
        removable = [file for file in gone if file.digest not in kept]
        if removable:
            await connection.execute(DELETE_FILES_SQL, _keys_of(removable))
            removed += len(removable)


async def remove_orphaned_contents(
    connection: Connection, store: FileStore, spool: Spool, *, is_moving: bool, older_than: float = ORPHAN_SECONDS
) -> int:
    """Remove contents on disk that no file needs there, if nothing was posted with them for so many seconds.

    `is_moving`: files of the bucket need none on disk. Contents of waiting submissions stay. Return how many went.
    """
    since, storages = seconds_ago(older_than), ["disk"] if is_moving else ["disk", "s3"]
    orphans: set[str] = set()
    async for digests in store.list_unchanged(since):
        orphans |= set(digests) - await _needed_on_disk(connection, digests, storages)
        if len(orphans) >= MAX_ORPHANS:
            break
    if not orphans:
        return 0
    orphans -= await read_pending_digests(connection, spool)
    orphans -= await _needed_on_disk(connection, orphans, storages)  # ingested since they were listed
    return sum([await store.remove(digest, unchanged_since=since) for digest in orphans])


async def _remove_objects(connection: Connection, bucket: S3Bucket | None, gone: Collection[_GoneFile]) -> set[str]:
    """Remove the objects that no other file has. Return the digests of those that could not be removed."""
    digests = sorted({file.digest for file in gone if file.storage == "s3"})
    if not digests:
        return set()
    values = (list(map(bytes.fromhex, digests)), *_keys_of(gone))
    shared = {row[0] for row in await (await connection.execute(OTHER_FILES_SQL, values)).fetchall()}
    failed: set[str] = set()
    for digest in digests:
        if digest in shared:
            continue
        try:
            if bucket is None:
                raise BucketUnusable("LEADHUB_FILES_URL is not set")
            await bucket.remove(digest)
        except BucketUnusable as error:
            log.warning("files.not_removed", reason=str(error))
            failed.add(digest)
    return failed


async def _needed_on_disk(connection: Connection, digests: Iterable[str], storages: list[str]) -> set[str]:
    values = (list(map(bytes.fromhex, digests)), storages)
    return {row[0] for row in await (await connection.execute(NEEDED_ON_DISK_SQL, values)).fetchall()}


def _keys_of(files: Iterable[_GoneFile]) -> tuple[list[int], list[uuid.UUID]]:
    keys = [(file.workspace_id, file.id) for file in files]
    return [key[0] for key in keys], [key[1] for key in keys]
