"""Undo an import: leads that it made and nobody touched go, and values that it filled are taken back where they stand,
as are contacts by which it made other leads known.

Rows are handled from the last to the first. A chunk is one transaction that notes how far it came.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from services.workers.imports.contact_uses import UndoneImports, find_used_contacts
from services.workers.imports.field_recovery import take_values_back
from services.workers.imports.identity_recovery import earlier_fillings, find_joined_contacts, release_contacts
from services.workers.imports.lead_removal import remove_leads
from services.workers.imports.merged_leads import (
    correct_merged_leads,
    find_merges,
    follow_merges,
    values_of_winner,
)
from services.workers.imports.row_effects import UndoneRow, read_effects
from shared.jobs.job_followers import notify_followers
from shared.leads import identities, lead_redirects
from shared.leads.edit import ChangeCause
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import ContentionError, is_unavailable
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
SELECT r.row, r.state, r.lead_id, r.has_joined FROM import_rows r
WHERE r.workspace_id = %s AND r.import_id = %s AND r.row < coalesce(%s, 9223372036854775807)
  AND r.state = ANY (ARRAY['created', 'merged', 'unchanged'])
ORDER BY r.row DESC LIMIT %s
"""
UNDONE_IMPORTS_SQL = "SELECT id FROM imports WHERE workspace_id = %s AND undone_at IS NOT NULL"
# Nobody touched a lead whose timeline has nothing but this import, others that are undone, what automations did, and
# what was sent.
LEADS_OF_IMPORT_SQL = """
SELECT l.id, made.is_ours, made.is_imported,
       CASE WHEN made.is_imported THEN EXISTS (
               SELECT FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
               AND NOT coalesce(a.data ->> 'channel', '') = ANY(%(channels)s)
               AND coalesce(a.data #>> '{by,kind}', '') NOT IN ('automation', 'import')
               AND a.type NOT LIKE 'delivery%%' AND a.type NOT LIKE 'conversion%%')
           OR EXISTS (SELECT FROM tasks t WHERE t.workspace_id = l.workspace_id AND t.lead_id = l.id) END AS is_touched
FROM leads l CROSS JOIN LATERAL (
    SELECT coalesce(bool_and(coalesce(data ->> 'channel', '') = %(channel)s), false) AS is_ours,
           coalesce(bool_or(data ->> 'channel' = ANY(%(channels)s)), false) AS is_imported
    FROM activities WHERE workspace_id = l.workspace_id AND lead_id = l.id AND type = 'lead.created') made
WHERE l.workspace_id = %(workspace)s AND l.id = ANY(%(leads)s)
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


class ClaimedUndo(NamedTuple):
    """An undo whose job is locked by this transaction. Rows below `below` are still to be handled; None: all."""

    workspace_id: int
    id: int
    import_id: int
    below: int | None
    rate: int | None


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
    rows = await _lock_leads(connection, workspace_id, rows)
    lead_ids = sorted({row.lead_id for row in rows})
    found = await (await connection.execute(UNDONE_IMPORTS_SQL, (workspace_id,))).fetchall()
    undone = UndoneImports(workspace_id, [undo.import_id, *(row[0] for row in found)])
    channel = undone.channels[0]
    asked = {"workspace": workspace_id, "leads": lead_ids, "channel": channel, "channels": undone.channels}
    lead_rows = await (await connection.execute(LEADS_OF_IMPORT_SQL, asked)).fetchall()
    gone = {id_ for id_, _, is_imported, is_touched in lead_rows if is_imported and not is_touched}
    await remove_leads(connection, workspace_id, gone, cause)
    others = {id_ for id_, is_ours, _, _ in lead_rows if not is_ours} - gone
    taken = await _take_back(connection, undo, undone, [row for row in rows if row.lead_id in others])
    effective = [row for row in rows if row.state != "unchanged" or row.has_joined]
    return Counter("done" if row.lead_id in gone or row.number in taken else "skipped" for row in effective)


async def _lock_leads(connection: Connection, workspace_id: int, rows: Sequence[UndoneRow]) -> list[UndoneRow]:
    """Lock the leads that answer for those of rows, and return the rows with them."""
    rows = await follow_merges(connection, workspace_id, rows)
    keys = {(workspace_id, row.lead_id) for row in rows}
    missing = keys - (await identities.lock_leads(connection, keys, ("workspace_id", "id"))).keys()
    if await lead_redirects.find_winners(connection, missing):
        raise ContentionError("a lead was merged")
    return rows


async def _take_back(
    connection: Connection, undo: ClaimedUndo, undone: UndoneImports, rows: Sequence[UndoneRow]
) -> set[int]:
    """Take back what rows gave to leads that were there before, and are locked. Return the numbers of rows that lost
    something.
    """
    workspace_id = undo.workspace_id
    merges = await find_merges(connection, workspace_id, rows)
    rows = [row for row in rows if row.merged_id is None or row.merged_id in merges]
    effects = await read_effects(connection, workspace_id, undo.import_id, rows)
    joined = await find_joined_contacts(connection, undone, undo.import_id, effects)
    used = await find_used_contacts(connection, undone, joined)
    free = {key: contact for key, contact in joined.items() if key not in used}
    cause = ChangeCause("import", undo.import_id)
    fillings = [(effect.row.lead_id, values_of_winner(effect, merges)) for effect in effects]
    fillings += await earlier_fillings(connection, undone, free)
    lost_places = await correct_merged_leads(connection, workspace_id, effects, merges, free)
    lost_places |= await take_values_back(connection, workspace_id, fillings, free, cause)
    freed = await release_contacts(connection, workspace_id, free)
    return {
        effect.row.number
        for place, effect in enumerate(effects)
        if place in lost_places or not freed.isdisjoint(effect.new_contacts)
    }


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
