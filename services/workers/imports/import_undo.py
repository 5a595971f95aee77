"""Undo an import: leads that it made and nobody touched go, and values that it filled are taken back where they stand,
as are contacts by which it made other leads known.

Rows are handled from the last to the first. A chunk is one transaction that notes how far it came.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.workers.imports.identity_recovery import release_joined_identities
from services.workers.imports.lead_removal import remove_leads
from services.workers.imports.value_recovery import ImportedValues, recovered_fields
from shared.jobs.job_followers import notify_followers
from shared.leads import identities, writes
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.tags import tag_names
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import is_unavailable
from shared.platform.ids import numbered_uuid7
from shared.platform.observability import logging

log = logging.get_logger()

ROWS_PER_UNDO = 200
MAX_CONTENTION_TRIES = 8
FAILED_CHUNK_PAUSE_SECONDS = 5

# One of a workspace after another: a later one sees what an earlier one has undone.
_DUE_UNDO_SQL = """
FROM jobs j WHERE j.kind = 'import' AND j.filter ? 'undo' AND j.state = ANY (ARRAY['queued', 'running'])
  AND j.due_at <= clock_timestamp() - make_interval(secs => %(overdue)s)
  AND NOT EXISTS (SELECT FROM jobs o WHERE o.workspace_id = j.workspace_id AND o.id < j.id AND o.kind = 'import'
                  AND o.filter ? 'undo' AND o.state = ANY (ARRAY['queued', 'running']))
"""
HAS_DUE_UNDO_SQL = f"SELECT EXISTS (SELECT {_DUE_UNDO_SQL})"
CLAIM_UNDO_SQL = f"""
SELECT j.workspace_id, j.id, (j.filter ->> 'undo')::bigint, (j.cursor ->> 'below')::bigint, j.rate {_DUE_UNDO_SQL}
ORDER BY j.served_at NULLS FIRST, j.id LIMIT 1 FOR UPDATE SKIP LOCKED
"""  # constants only
ROWS_TO_UNDO_SQL = """
SELECT r.row, r.state, r.lead_id FROM import_rows r
WHERE r.workspace_id = %s AND r.import_id = %s AND r.row < coalesce(%s, 9223372036854775807)
  AND r.state = ANY (ARRAY['created', 'merged', 'unchanged'])
ORDER BY r.row DESC LIMIT %s
"""
UNDONE_CHANNELS_SQL = "SELECT 'import:' || id FROM imports WHERE workspace_id = %s AND undone_at IS NOT NULL"
# Nobody touched a lead whose timeline has nothing but this import, others that are undone, what automations did, and
# what was sent.
LEADS_OF_IMPORT_SQL = """
SELECT l.id,
       EXISTS (SELECT FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
               AND a.type = 'lead.created' AND a.data ->> 'channel' = %(channel)s) AS is_ours,
       EXISTS (SELECT FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
               AND a.type = 'lead.created' AND a.data ->> 'channel' = ANY(%(channels)s)) AS is_imported,
       EXISTS (SELECT FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
               AND NOT coalesce(a.data ->> 'channel', '') = ANY(%(channels)s)
               AND coalesce(a.data #>> '{by,kind}', '') NOT IN ('automation', 'import')
               AND a.type NOT LIKE 'delivery%%' AND a.type NOT LIKE 'conversion%%')
           OR EXISTS (SELECT FROM tasks t WHERE t.workspace_id = l.workspace_id AND t.lead_id = l.id) AS is_touched
FROM leads l WHERE l.workspace_id = %(workspace)s AND l.id = ANY(%(leads)s)
"""
IMPORTED_VALUES_SQL = """
SELECT w.n, s.lead_id, s.changes, a.data -> 'tags_added',
       CASE WHEN a.data ? 'notes_added' THEN convert_from(s.payload, 'UTF8')::jsonb ->> 'notes' END
FROM unnest(%s::uuid[]) WITH ORDINALITY AS w(id, n)
CROSS JOIN LATERAL (
    SELECT * FROM submissions WHERE workspace_id = %s AND id = w.id AND received_at = %s OFFSET 0) s
LEFT JOIN LATERAL (
    SELECT * FROM activities WHERE workspace_id = s.workspace_id AND lead_id = s.lead_id
    AND data ->> 'submission_id' = s.id::text OFFSET 0) a ON true
ORDER BY w.n
"""
ADVANCE_UNDO_SQL = """
UPDATE jobs SET state = CASE WHEN %(ends)s THEN 'done' ELSE 'running' END, position = position + %(taken)s,
    done = done + %(done)s, skipped = skipped + %(skipped)s, cursor = jsonb_build_object('below', %(below)s::bigint),
    error = NULL, started_at = coalesce(started_at, now()), served_at = clock_timestamp(),
    due_at = clock_timestamp() + make_interval(secs => %(pause)s),
    finished_at = CASE WHEN %(ends)s THEN clock_timestamp() END
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
NOTE_UNDONE_SQL = "UPDATE imports SET undone_at = clock_timestamp() WHERE workspace_id = %s AND id = %s"
POSTPONE_UNDO_SQL = f"""
UPDATE jobs SET error = %s, due_at = now() + interval '{FAILED_CHUNK_PAUSE_SECONDS} s', served_at = clock_timestamp()
WHERE workspace_id = %s AND id = %s AND state = ANY (ARRAY['queued', 'running'])
"""
STATE_COLUMNS = (
    *("workspace_id", "id", "first_name", "last_name", "email", "phone", "company", "job_title", "country"),
    *("email_as_given", "notes", "custom_fields", "tag_ids"),
)


class ClaimedUndo(NamedTuple):
    """An undo whose job is locked by this transaction. Rows below `below` are still to be handled; None: all."""

    workspace_id: int
    id: int
    import_id: int
    below: int | None
    rate: int | None


class UndoneRow(NamedTuple):
    """A row of the report that belongs to a lead."""

    number: int
    state: str
    lead_id: int


class UndoEngine:
    """Undoes imports in one process."""

    async def has_due(self, connection: Connection, *, overdue: float = 0.0) -> bool:
        """Return whether an undo has been due for over `overdue` seconds."""
        row = await (await connection.execute(HAS_DUE_UNDO_SQL, {"overdue": overdue})).fetchone()
        return bool(row and row[0])

    async def run_chunk(self, connection: Connection) -> bool:
        """Run one chunk of the undo whose turn it is. Return whether there was one."""
        claimed: list[ClaimedUndo] = []
        try:
            return await retry_contended(
                lambda: _try_chunk(connection, claimed), attempts=MAX_CONTENTION_TRIES, pause=0.02
            )
        except Exception as error:
            if is_unavailable(error) or not claimed:
                raise
            undo = claimed[-1]
            log.exception("undo.postponed", job_id=undo.id, workspace_id=undo.workspace_id)
            said = f"{type(error).__name__}: a part of the undo fails and is tried again."
            await connection.execute(POSTPONE_UNDO_SQL, (said, undo.workspace_id, undo.id))
            return True


async def _try_chunk(connection: Connection, claimed: list[ClaimedUndo]) -> bool:
    async with connection.transaction():
        row = await (await connection.execute(CLAIM_UNDO_SQL, {"overdue": 0.0})).fetchone()
        if row is None:
            return False
        undo = ClaimedUndo(*row)
        claimed.append(undo)
        asked = (undo.workspace_id, undo.import_id, undo.below, ROWS_PER_UNDO)
        rows = [UndoneRow(*each) for each in await (await connection.execute(ROWS_TO_UNDO_SQL, asked)).fetchall()]
        counts = await _undo_rows(connection, undo, rows)
        await _advance(connection, undo, rows, counts)
    return True


async def _undo_rows(connection: Connection, undo: ClaimedUndo, rows: Sequence[UndoneRow]) -> Counter[str]:
    """Undo rows. Return how many had their effect taken back, and how many were left alone.

    A row without an effect may still be the last that held a lead of an import that is undone.
    """
    if not rows:
        return Counter()
    workspace_id, cause = undo.workspace_id, ChangeCause("import", undo.import_id)
    lead_ids = sorted({row.lead_id for row in rows})
    await identities.lock_leads(connection, [(workspace_id, id_) for id_ in lead_ids], ("workspace_id", "id"))
    undone = await (await connection.execute(UNDONE_CHANNELS_SQL, (workspace_id,))).fetchall()
    channel = f"import:{undo.import_id}"
    channels = [channel, *(row[0] for row in undone)]
    asked = {"workspace": workspace_id, "leads": lead_ids, "channel": channel, "channels": channels}
    lead_rows = await (await connection.execute(LEADS_OF_IMPORT_SQL, asked)).fetchall()
    gone = {id_ for id_, _, is_imported, is_touched in lead_rows if is_imported and not is_touched}
    await remove_leads(connection, workspace_id, gone, cause)
    others = {id_ for id_, is_ours, _, _ in lead_rows if not is_ours} - gone
    merged = [row for row in rows if row.state == "merged" and row.lead_id in others]
    changed = await _take_back(connection, undo, merged, cause)
    changed |= await release_joined_identities(connection, workspace_id, others, channels)
    return Counter("done" if row.lead_id in gone | changed else "skipped" for row in rows if row.state != "unchanged")


async def _take_back(
    connection: Connection, undo: ClaimedUndo, rows: Sequence[UndoneRow], cause: ChangeCause
) -> set[int]:
    """Take the values of rows back. Return the leads that changed."""
    if not rows:
        return set()
    values = await _imported_values(connection, undo, rows)
    keys = [(undo.workspace_id, lead_id) for lead_id in values]
    states = await identities.read_unlocked(connection, keys, STATE_COLUMNS)
    borne = [tag for state in states.values() for tag in state["tag_ids"]]
    names = await tag_names(connection, [undo.workspace_id], borne)
    changes = []
    for (workspace_id, lead_id), state in states.items():
        fields, tags = recovered_fields({**state, "tags": _tags_of(state, names)}, values[lead_id])
        if fields or tags:
            change = LeadChange(workspace_id, lead_id, cause=cause, set_fields=fields, remove_tags=tags)
            changes.append(change)
    refused = (
        {refusal.change.lead_id for refusal in await writes.change_leads(connection, changes)} if changes else set()
    )
    return {change.lead_id for change in changes} - refused


def _tags_of(state: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    return [names[id_] for id_ in state["tag_ids"] if id_ in names]


async def _imported_values(
    connection: Connection, undo: ClaimedUndo, rows: Sequence[UndoneRow]
) -> dict[int, list[ImportedValues]]:
    """Return what rows gave to their leads, the last row first."""
    series = f"import\0{undo.workspace_id}\0{undo.import_id}"
    query = "SELECT accepted_at FROM imports WHERE workspace_id = %s AND id = %s"
    import_row = await (await connection.execute(query, (undo.workspace_id, undo.import_id))).fetchone()
    assert import_row is not None  # noqa: S101  # imports live longer than their jobs
    received_ms = round(import_row[0].timestamp() * 1000)
    ids = [numbered_uuid7(received_ms, series, row.number) for row in rows]
    values: dict[int, list[ImportedValues]] = {}
    asked = (ids, undo.workspace_id, import_row[0])
    for _, lead_id, changes, tags, notes in await (await connection.execute(IMPORTED_VALUES_SQL, asked)).fetchall():
        values.setdefault(lead_id, []).append(ImportedValues(changes or {}, tags or [], notes))
    return values


async def _advance(connection: Connection, undo: ClaimedUndo, rows: Sequence[UndoneRow], counts: Counter[str]) -> None:
    ends = len(rows) < ROWS_PER_UNDO
    values = {
        "workspace": undo.workspace_id,
        "id": undo.id,
        "taken": counts.total(),
        "done": counts["done"],
        "skipped": counts["skipped"],
        "below": rows[-1].number if rows else undo.below,
        "pause": len(rows) / undo.rate if undo.rate else 0.0,
        "ends": ends,
    }
    await connection.execute(ADVANCE_UNDO_SQL, values)
    if ends:
        await connection.execute(NOTE_UNDONE_SQL, (undo.workspace_id, undo.import_id))
        await notify_followers(connection, undo.workspace_id, undo.id)
