"""Keep references from leads to pipelines, stages, users and tags valid, by one advisory lock per workspace.

Leads have no foreign keys (docs/decisions/0004). A transaction that writes leads takes the lock shared before it reads
what exists. A transaction that deletes something takes it exclusively. So a delete waits for writers that may have seen
the deleted row, and later writers see that it is gone.
"""

from collections.abc import Iterable
from typing import Literal

from shared.platform.db.advisory_locks import REFERENCE_LOCK_CLASS
from shared.platform.db.connections import Connection, StatementExecutor

ReferenceKind = Literal["stage", "user", "tag"]

MAX_LEADS_CLEARED_AT_ONCE = 1000  # a delete with more leads leaves them to the sweeper
LEADS_PER_CHUNK = 500  # leads that the sweeper clears in one transaction
LEADS_PER_SCAN = 5000  # leads that the sweeper looks through in one transaction

# Separate statements: one that also reads would use a snapshot from before its wait.
LOCK_SHARED_SQL = (
    "SELECT pg_advisory_xact_lock_shared(%s, w::int) FROM (SELECT unnest(%s::bigint[]) AS w ORDER BY 1) wanted"
)
# First the row of the workspace: triggers raise its version on a delete, and changes of the board lock it first, too.
LOCK_WORKSPACE_ROW_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
LOCK_EXCLUSIVE_SQL = "SELECT pg_advisory_xact_lock(%s, %s::bigint::int)"

REFERRING_CONDITIONS: dict[ReferenceKind, str] = {
    "stage": "pipeline_stage_id = %(ref)s",
    "user": "assigned_user_id = %(ref)s",
    "tag": "tag_ids @> ARRAY[%(ref)s::bigint]",
}
# The tag that a lead gets instead: the one into which it was merged. A tag that was deleted has none.
TAG_INSTEAD = "(SELECT alias_of FROM tags WHERE workspace_id = %(workspace)s AND id = %(ref)s)"
CLEARING_ASSIGNMENTS: dict[ReferenceKind, str] = {
    "stage": "pipeline_stage_id = NULL",
    "user": "assigned_user_id = NULL",
    "tag": f"""tag_ids = CASE
        WHEN {TAG_INSTEAD} IS NULL OR tag_ids @> ARRAY[{TAG_INSTEAD}] THEN array_remove(tag_ids, %(ref)s)
        ELSE array_replace(tag_ids, %(ref)s, {TAG_INSTEAD}) END""",
}
COUNT_REFERRING_SQL = (
    "SELECT count(*) FROM (SELECT FROM leads WHERE workspace_id = %(workspace)s AND {bearing} LIMIT %(most)s) few"
)
FIND_REFERRING_SQL = """
SELECT id FROM leads WHERE workspace_id = %(workspace)s AND id > %(after)s AND id <= %(last)s AND {bearing}
ORDER BY id LIMIT %(most)s FOR UPDATE
"""
CLEAR_REFERENCE_SQL = "UPDATE leads SET {cleared} WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s)"

ADD_CLEANUP_SQL = "INSERT INTO background_cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
NEXT_CLEANUP_SQL = """
SELECT id, workspace_id, kind, ref_id, after_id FROM background_cleanups WHERE kind IN ('stage', 'user', 'tag')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
SCAN_END_SQL = """
SELECT max(id) FROM (SELECT id FROM leads WHERE workspace_id = %s AND id > %s ORDER BY id LIMIT %s) AS span
"""


async def lock_shared(connection: StatementExecutor, workspace_ids: Iterable[int]) -> None:
    """Prevent deletes of referenced rows until the transaction ends. Call this before reading any of them."""
    await connection.execute(LOCK_SHARED_SQL, (REFERENCE_LOCK_CLASS, list(workspace_ids)))


async def lock_exclusive(connection: Connection, workspace_id: int) -> None:
    """Wait for transactions that write leads of the workspace, and block others until this one ends."""
    await connection.execute(LOCK_WORKSPACE_ROW_SQL, (workspace_id,))
    await connection.execute(LOCK_EXCLUSIVE_SQL, (REFERENCE_LOCK_CLASS, workspace_id))


async def clear_reference(connection: Connection, workspace_id: int, kind: ReferenceKind, ref_id: int) -> None:
    """Remove a row that this transaction deletes from the leads. Needs the exclusive lock.

    Leads get the tag into which theirs was merged, once. With many leads the sweeper does it later, in chunks. Until
    then readers hide references to deleted rows.
    """
    where = {"workspace": workspace_id, "ref": ref_id, "most": MAX_LEADS_CLEARED_AT_ONCE + 1}
    cursor = await connection.execute(COUNT_REFERRING_SQL.format(bearing=REFERRING_CONDITIONS[kind]), where)
    if (await cursor.fetchall())[0][0] > MAX_LEADS_CLEARED_AT_ONCE:
        await connection.execute(ADD_CLEANUP_SQL, (workspace_id, kind, ref_id))
    else:
        await _clear_leads(connection, kind, {**where, "after": 0, "last": 2**63 - 1})


async def clear_next_chunk(connection: Connection) -> bool:
    """Clear the next chunk of a postponed cleanup. Return False when none is left. A crash repeats one chunk at most.

    One pass over the leads of the workspace is enough, because no transaction writes a reference to a deleted row.
    """
    async with connection.transaction():
        row = await (await connection.execute(NEXT_CLEANUP_SQL)).fetchone()
        if row is None:
            return False
        cleanup, workspace, kind, ref, after = row
        last = (await (await connection.execute(SCAN_END_SQL, (workspace, after, LEADS_PER_SCAN))).fetchall())[0][0]
        if last is None:
            await connection.execute("DELETE FROM background_cleanups WHERE id = %s", (cleanup,))
            return True
        where = {"workspace": workspace, "ref": ref, "after": after, "last": last, "most": LEADS_PER_CHUNK}
        ids = await _clear_leads(connection, kind, where)
        after = ids[-1] if len(ids) == LEADS_PER_CHUNK else last
        await connection.execute("UPDATE background_cleanups SET after_id = %s WHERE id = %s", (after, cleanup))
    return True


async def _clear_leads(connection: Connection, kind: ReferenceKind, where: dict[str, int]) -> list[int]:
    """Clear `most` leads above `after` up to `last`. They are locked in the order that all writers use."""
    rows = await (
        await connection.execute(FIND_REFERRING_SQL.format(bearing=REFERRING_CONDITIONS[kind]), where)
    ).fetchall()
    ids = [row[0] for row in rows]
    if ids:
        await connection.execute(CLEAR_REFERENCE_SQL.format(cleared=CLEARING_ASSIGNMENTS[kind]), {**where, "ids": ids})
    return ids
