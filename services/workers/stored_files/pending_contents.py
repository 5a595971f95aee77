"""Contents of files that belong to submissions which are accepted and not yet decided.

These have no rows in `files` so far, however long they wait: a lane may be paused for days.
"""

import re

from shared.intake.spool import Spool
from shared.platform.db.connections import Connection

# A body names its files' digests beside this member. Other bodies are passed over as bytes.
PENDING_DIGESTS_SQL = r"""
SELECT DISTINCT found[1]
FROM journal, regexp_matches(encode(payload, 'escape'), '"digest":"([0-9a-f]{64})"', 'g') AS found
WHERE position('"digest":"'::bytea IN payload) > 0
"""
_find_digests = re.compile(rb'"digest":"([0-9a-f]{64})"').findall


async def read_pending_digests(connection: Connection, spool: Spool) -> set[str]:
    """Return the digests that waiting submissions name. Raises redis.RedisError while the spool is away.

    The spool is read first: submissions move from there to the journal, and then to their rows.
    """
    spooled = {
        digest.decode()
        async for entry in spool.all_entries()
        for digest in _find_digests(_as_bytes(entry.row.document))
    }
    rows = await (await connection.execute(PENDING_DIGESTS_SQL)).fetchall()
    return spooled | {row[0] for row in rows}


def _as_bytes(document: bytes | str) -> bytes:
    return document.encode() if isinstance(document, str) else document
