"""Claim the import whose turn it is, and note how far it came."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.imports.column_mapping import ColumnMapping
from shared.imports.import_report import RowChoice
from shared.imports.text_encoding import TextEncoding
from shared.jobs.job_followers import notify_followers
from shared.leads.submission import KEPT_ENDING
from shared.platform.db.connections import Connection

WAIT_SECONDS = 0.1  # seconds before an import looks again for room in the journal or for verdicts
FAILED_CHUNK_PAUSE_SECONDS = 5  # seconds before a chunk that failed as a whole is tried again
MAX_CHUNK_TRIES = 50  # tries of one chunk, over minutes, after which the import has failed

_DUE_IMPORTS_SQL = """
WHERE NOT i.is_settled AND i.due_at <= clock_timestamp() - make_interval(secs => %(overdue)s)
  AND j.state = ANY (ARRAY['queued', 'running', 'cancelled'])
"""
HAS_DUE_IMPORT_SQL = f"SELECT EXISTS (SELECT FROM imports i JOIN jobs j USING (workspace_id, id) {_DUE_IMPORTS_SQL})"
# Workspaces take turns, and so do the imports of one workspace: each chunk puts its import behind the others.
CLAIM_IMPORT_SQL = f"""
SELECT i.workspace_id, i.id, i.is_dry_run, i.file_size, i.encoding, i.delimiter, i.columns, i.mapping, i.options,
       i.key_id, i.accepted_at, i.data_offset, i.read_offset, i.rows_read, i.rows_settled, i.created, i.merged,
       i.unchanged, i.invalid, coalesce((j.cursor ->> 'warned')::bigint, 0),
       coalesce((j.cursor ->> 'kept')::bigint, 0), j.state, j.rate
FROM imports i JOIN jobs j USING (workspace_id, id)
LEFT JOIN (SELECT workspace_id, max(served_at) AS at FROM jobs
           WHERE kind = 'import' AND state = ANY (ARRAY['queued', 'running']) GROUP BY 1) served
    ON served.workspace_id = i.workspace_id
{_DUE_IMPORTS_SQL}
ORDER BY served.at NULLS FIRST, i.due_at LIMIT 1 FOR UPDATE OF i, j SKIP LOCKED
"""
ADVANCE_IMPORT_SQL = """
UPDATE imports SET read_offset = %(offset)s, rows_read = %(read)s, rows_settled = %(settled)s, created = %(created)s,
    merged = %(merged)s, unchanged = %(unchanged)s, invalid = %(invalid)s, is_settled = %(ends)s,
    due_at = clock_timestamp() + make_interval(secs => %(pause)s)
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
# A cancelled job stays cancelled; its numbers still follow the rows that were under way.
ADVANCE_JOB_SQL = """
UPDATE jobs SET state = CASE WHEN state = 'cancelled' THEN state WHEN %(ends)s THEN 'done' ELSE 'running' END,
    started_at = coalesce(started_at, now()), served_at = clock_timestamp(), error = NULL,
    cursor = jsonb_build_object('warned', %(warned)s::bigint, 'kept', %(kept)s::bigint),
    finished_at = CASE WHEN state = 'cancelled' THEN finished_at WHEN %(ends)s THEN clock_timestamp() END,
    total = %(total)s, position = %(settled)s, done = %(done)s, failed = %(invalid)s
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
POSTPONE_IMPORT_SQL = f"""
WITH postponed AS (
    UPDATE imports SET due_at = clock_timestamp() + interval '{FAILED_CHUNK_PAUSE_SECONDS} s'
    WHERE workspace_id = %(workspace)s AND id = %(id)s
)
UPDATE jobs SET error = %(error)s,
    cursor = coalesce(cursor, '{{}}') || jsonb_build_object('tries', coalesce((cursor ->> 'tries')::int, 0) + 1)
WHERE workspace_id = %(workspace)s AND id = %(id)s RETURNING (cursor ->> 'tries')::int
"""
FAIL_IMPORT_SQL = """
WITH ended AS (UPDATE imports SET is_settled = true WHERE workspace_id = %(workspace)s AND id = %(id)s)
UPDATE jobs SET state = 'failed', finished_at = clock_timestamp()
WHERE workspace_id = %(workspace)s AND id = %(id)s AND state <> 'cancelled'
"""


@dataclass(slots=True)
class ClaimedImport:
    """An import whose row is locked by this transaction. Its numbers are changed in place, and then noted."""

    workspace_id: int
    id: int
    is_dry_run: bool
    file_size: int
    encoding: TextEncoding
    delimiter: str
    columns: list[str]
    mapping: ColumnMapping
    options: dict[str, Any]
    key_id: int | None
    accepted_at: datetime
    data_offset: int
    read_offset: int
    rows_read: int
    rows_settled: int
    created: int
    merged: int
    unchanged: int
    invalid: int
    warned: int  # rows whose lead lacks something that was sent
    kept: int  # rows whose lead keeps a contact as it was given
    state: str
    rate: int | None
    pause: float = 0.0  # seconds until its next chunk

    @property
    def key(self) -> tuple[int, int]:
        return self.workspace_id, self.id

    @property
    def received_ms(self) -> int:
        """The time of receipt of all rows, in milliseconds since the epoch: part of the keys of their submissions."""
        return round(self.accepted_at.timestamp() * 1000)

    @property
    def is_read(self) -> bool:
        """Whether no more rows are to be read: the file ended, or somebody cancelled the import."""
        return self.state == "cancelled" or self.read_offset >= self.file_size

    @property
    def estimated_rows(self) -> int:
        """The rows of the whole file, by those that were read."""
        if self.read_offset >= self.file_size or self.state == "cancelled":
            return self.rows_read
        share = (self.read_offset - self.data_offset) / max(self.file_size - self.data_offset, 1)
        return max(round(self.rows_read / share), self.rows_read + 1) if share else 0

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add rows of the report."""
        states = Counter(str(record["state"]) for record in records)
        self.created += states["created"]
        self.merged += states["merged"]
        self.unchanged += states["unchanged"]
        self.invalid += states["invalid"]
        told = [kinds_of_warnings(record) for record in records]
        self.warned += sum("warned" in kinds for kinds in told)
        self.kept += sum("kept" in kinds for kinds in told)


def kinds_of_warnings(record: Mapping[str, Any]) -> set[RowChoice]:
    """Return what a row's lead has not as it was sent: `kept` contacts that cannot be read, `warned` what it lacks."""
    if record["state"] == "invalid":
        return set()
    return {"kept" if reason.endswith(KEPT_ENDING) else "warned" for reason in record.get("reasons") or ()}


async def has_due_import(connection: Connection, *, overdue: float = 0.0) -> bool:
    """Return whether an import has been due for over `overdue` seconds."""
    row = await (await connection.execute(HAS_DUE_IMPORT_SQL, {"overdue": overdue})).fetchone()
    return bool(row and row[0])


async def claim_import(connection: Connection) -> ClaimedImport | None:
    """Lock the import whose turn it is, for this transaction."""
    row = await (await connection.execute(CLAIM_IMPORT_SQL, {"overdue": 0.0})).fetchone()
    return ClaimedImport(*row) if row else None


async def note_progress(connection: Connection, claim: ClaimedImport) -> bool:
    """Note the numbers of an import. Return whether it has ended."""
    ends = claim.is_read and claim.rows_settled == claim.rows_read
    values = {
        "workspace": claim.workspace_id,
        "id": claim.id,
        "offset": claim.read_offset,
        "read": claim.rows_read,
        "settled": claim.rows_settled,
        "created": claim.created,
        "merged": claim.merged,
        "unchanged": claim.unchanged,
        "invalid": claim.invalid,
        "warned": claim.warned,
        "kept": claim.kept,
        "done": claim.created + claim.merged + claim.unchanged,
        "total": claim.estimated_rows,
        "ends": ends,
        "pause": claim.pause,
    }
    await connection.execute(ADVANCE_IMPORT_SQL, values)
    await connection.execute(ADVANCE_JOB_SQL, values)
    if ends and claim.state != "cancelled":
        await notify_followers(connection, *claim.key)
    return ends


async def postpone_import(connection: Connection, claim: ClaimedImport, error: Exception) -> None:
    """Try the chunk again later; after many tries the import has failed. Not part of the chunk's transaction."""
    said = f"{type(error).__name__}: a part of the file fails and is tried again."
    values = {"workspace": claim.workspace_id, "id": claim.id, "error": said}
    async with connection.transaction():
        row = await (await connection.execute(POSTPONE_IMPORT_SQL, values)).fetchone()
        if row and row[0] >= MAX_CHUNK_TRIES:
            await connection.execute(FAIL_IMPORT_SQL, values)
            await notify_followers(connection, *claim.key)
