"""Remove the contents of an erased person's files, at once: others wait for a day until they count as orphans."""

from services.workers.stored_files.pending_contents import read_pending_digests
from shared.files.file_store import FileStore, seconds_ago
from shared.files.s3_bucket import S3Bucket
from shared.intake.spool import Spool
from shared.people.erasures import ErasedPerson
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.connections import Connection

OPEN_ERASURES_SQL = """
SELECT workspace_id, id, identities FROM erasures WHERE finished_at IS NULL AND identities IS NOT NULL
"""
NEEDED_SQL = "SELECT DISTINCT encode(digest, 'hex') FROM files WHERE digest = ANY (%s::bytea[])"
# Another process may have noted further contents meanwhile.
KEEP_REST_SQL = "UPDATE erasures SET identities = %s WHERE workspace_id = %s AND id = %s AND identities = %s"


async def remove_erased_contents(
    connection: Connection, cipher: Cipher, store: FileStore, bucket: S3Bucket | None, spool: Spool
) -> int:
    """Remove contents that no other file has. Return how many. The caller holds the lock of files.

    Raises BucketUnusable, OSError of the disk, and redis.RedisError: it is tried again then.
    """
    removed = 0
    for workspace_id, id_, stored in await (await connection.execute(OPEN_ERASURES_SQL)).fetchall():
        try:
            person = ErasedPerson.from_json(cipher.decrypt(bytes(stored)))
        except DecryptionError:
            continue
        if not person.contents:
            continue
        digests = set(person.contents) - await _needed(connection, person.contents)
        digests -= await read_pending_digests(connection, spool)
        for digest in sorted(digests):
            if bucket is not None:
                await bucket.remove(digest)
            await store.remove(digest, unchanged_since=seconds_ago(0))
        removed += len(digests)
        async with connection.transaction():
            rest = (await cipher.in_transaction(connection)).encrypt(person._replace(contents=[]).to_json())
            await connection.execute(KEEP_REST_SQL, (rest, workspace_id, id_, stored))
    return removed


async def _needed(connection: Connection, digests: list[str]) -> set[str]:
    rows = await (await connection.execute(NEEDED_SQL, (list(map(bytes.fromhex, digests)),))).fetchall()
    return {row[0] for row in rows}
