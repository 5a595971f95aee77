"""Replay: dead or quarantined submissions return to the journal under the same id.

The row leaves `submissions` in the transaction that writes the journal, so that a submission is in one state at a time.
It keeps its idempotency key, since otherwise a repeated request could take its place meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from shared.db.connections import Connection
from shared.intake.journal import Lane, chunk_by_size

REPLAY_CHUNK_SIZE = 200

SELECTION_WHERE_SQL = """
state IN ('dead', 'quarantined')
AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s::uuid[]))
AND (%(state)s::text IS NULL OR state = %(state)s)
AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
AND (%(before)s::timestamptz IS NULL OR received_at < %(before)s)
AND (%(channel)s::text IS NULL OR channel = %(channel)s)
AND (%(source)s::text IS NULL OR source = %(source)s)
AND (%(workspace_id)s::bigint IS NULL OR workspace_id = %(workspace_id)s)
"""
UNREPLAYABLE_IDS_SQL = """
SELECT id::text FROM unnest(%s::uuid[]) AS named(id)
WHERE NOT EXISTS (SELECT FROM submissions s WHERE s.id = named.id AND s.state IN ('dead', 'quarantined'))
"""
COUNT_REPLAYABLE_SQL = f"SELECT count(*) FROM submissions WHERE {SELECTION_WHERE_SQL}"  # noqa: S608  # constants only
TAKE_CHUNK_SQL = f"""
WITH taken AS (
    DELETE FROM submissions WHERE (workspace_id, id, received_at) IN (
        SELECT workspace_id, id, received_at FROM submissions WHERE {SELECTION_WHERE_SQL}
        ORDER BY received_at, id LIMIT %(chunk)s FOR UPDATE SKIP LOCKED)
    RETURNING workspace_id, id, (extract(epoch FROM received_at) * 1000)::bigint AS at, state, channel, source,
              key_id, payload
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n) SELECT workspace_id, state, -count(*) FROM taken GROUP BY 1, 2
)
SELECT t.workspace_id, t.id::text, t.at, t.channel, t.source, t.key_id, encode(k.body_hash, 'hex'), t.payload
FROM taken t LEFT JOIN submission_keys k ON k.workspace_id = t.workspace_id AND k.id = t.id ORDER BY t.at, t.id
"""  # noqa: S608  # constants only
JOURNAL_ITEM_KEYS = (
    "w",
    "id",
    "at",
    "ch",
    "src",
    "k",
    "hash",
    "body",
)  # the keys in a journal item for the columns selected above
APPEND_REPLAYED_ROW_SQL = (
    "INSERT INTO journal (lane, n, ids, payload) VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b)"
)


@dataclass(frozen=True)
class ReplaySelection:
    """The dead and quarantined submissions that meet all given criteria; without a workspace, of every workspace."""

    ids: Sequence[str] | None = None
    state: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    channel: str | None = None
    source: str | None = None
    workspace_id: int | None = None


async def count_replayable(connection: Connection, selection: ReplaySelection) -> int:
    """Return how many submissions a replay of this selection would take."""
    row = await (await connection.execute(COUNT_REPLAYABLE_SQL, asdict(selection))).fetchone()
    return int(row[0]) if row else 0


async def find_unreplayable(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return the ids that belong to no dead or quarantined submission of any workspace."""
    return [row[0] for row in await (await connection.execute(UNREPLAYABLE_IDS_SQL, (list(ids),))).fetchall()]


async def replay_submissions(connection: Connection, selection: ReplaySelection) -> int:
    """Return submissions to the journal, in one transaction per chunk. Return how many. The sweeper sends the hint.

    It takes no more than there were at its start, so that a submission that fails again is not taken twice.
    """
    left = total = await count_replayable(connection, selection)
    while left and (n := await _replay_chunk(connection, {**asdict(selection), "chunk": min(REPLAY_CHUNK_SIZE, left)})):
        left -= n
    return total - left


async def _replay_chunk(connection: Connection, arguments: Mapping[str, object]) -> int:
    async with connection.transaction():
        rows = await (await connection.execute(TAKE_CHUNK_SQL, arguments)).fetchall()
        for part in chunk_by_size(rows, lambda row: len(row[7])):
            items = [
                dict(zip(JOURNAL_ITEM_KEYS, (*row[:7], orjson.Fragment(bytes(row[7]))), strict=True)) for row in part
            ]
            document = orjson.dumps({"gateway": "", "items": items})
            ids = ",".join(row[1] for row in part)
            await connection.execute(APPEND_REPLAYED_ROW_SQL, (int(Lane.BULK), len(part), ids, document))
    return len(rows)
