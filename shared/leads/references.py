"""What leads refer to by id: pipelines, stages, users and tags.

Leads carry no foreign keys (docs/decisions/0004); a lock for each workspace keeps their references true instead.
Whoever writes leads holds it shared, from before reading what there is; whoever deletes something holds it alone. So a
delete waits for the writers that may have seen what it deletes, and everyone after it sees that it is gone.
"""

from collections.abc import Iterable
from typing import Literal

from shared.db import Connection, Statements

Kind = Literal["stage", "user", "tag"]

FEW = 1000  # leads that a delete cleans itself
CHUNK = 500  # leads cleaned at a time where they are many
SPAN = 5000  # leads looked through at a time
LOCKS = 4_712_003  # the advisory locks' class; the other half of their names is the workspace

# Statements of their own: one that reads as well would read by a snapshot older than its wait.
HOLD = "SELECT pg_advisory_xact_lock_shared(%s, w::int) FROM (SELECT unnest(%s::bigint[]) AS w ORDER BY 1) wanted"
# The workspace's row before: triggers raise its version with what is deleted, and who changes the board has it already.
TURN = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
SEIZE = "SELECT pg_advisory_xact_lock(%s, %s::bigint::int)"

BEARING: dict[Kind, str] = {
    "stage": "pipeline_stage_id = %(ref)s",
    "user": "assigned_user_id = %(ref)s",
    "tag": "tag_ids @> ARRAY[%(ref)s::bigint]",
}
CLEARED: dict[Kind, str] = {
    "stage": "pipeline_stage_id = NULL",
    "user": "assigned_user_id = NULL",
    "tag": "tag_ids = array_remove(tag_ids, %(ref)s)",
}
COUNT = "SELECT count(*) FROM (SELECT FROM leads WHERE workspace_id = %(workspace)s AND {bearing} LIMIT %(most)s) few"
FIND = """
SELECT id FROM leads WHERE workspace_id = %(workspace)s AND id > %(after)s AND id <= %(last)s AND {bearing}
ORDER BY id LIMIT %(most)s FOR UPDATE
"""
CLEAR = "UPDATE leads SET {cleared} WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s)"

POSTPONE = "INSERT INTO cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
NEXT = """
SELECT id, workspace_id, kind, ref_id, after_id FROM cleanups WHERE kind IN ('stage', 'user', 'tag')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
LAST = """
SELECT max(id) FROM (SELECT id FROM leads WHERE workspace_id = %s AND id > %s ORDER BY id LIMIT %s) AS span
"""


async def hold(connection: Statements, workspace_ids: Iterable[int]) -> None:
    """Keeps what there is from being deleted until the transaction ends. Before anything of it is read."""
    await connection.execute(HOLD, (LOCKS, list(workspace_ids)))


async def seize(connection: Connection, workspace_id: int) -> None:
    """Waits for those who write the workspace's leads, and keeps others from it until the transaction ends."""
    await connection.execute(TURN, (workspace_id,))
    await connection.execute(SEIZE, (LOCKS, workspace_id))


async def clear(connection: Connection, workspace_id: int, kind: Kind, ref_id: int) -> None:
    """Takes what is deleted in this transaction, under `seize`, out of the leads.

    Where they are many the sweeper does it, a chunk at a time; until then readers leave out what is gone.
    """
    where = {"workspace": workspace_id, "ref": ref_id, "most": FEW + 1}
    cursor = await connection.execute(COUNT.format(bearing=BEARING[kind]), where)
    if (await cursor.fetchall())[0][0] > FEW:
        await connection.execute(POSTPONE, (workspace_id, kind, ref_id))
    else:
        await _clear(connection, kind, {**where, "after": 0, "last": 2**63 - 1})


async def clear_chunk(connection: Connection) -> bool:
    """Clears the next chunk of what was left; False when nothing is. A crash repeats one chunk at most.

    One walk over the workspace's leads is enough: nobody writes a reference that is gone into a lead.
    """
    async with connection.transaction():
        row = await (await connection.execute(NEXT)).fetchone()
        if row is None:
            return False
        cleanup, workspace, kind, ref, after = row
        last = (await (await connection.execute(LAST, (workspace, after, SPAN))).fetchall())[0][0]
        if last is None:
            await connection.execute("DELETE FROM cleanups WHERE id = %s", (cleanup,))
            return True
        where = {"workspace": workspace, "ref": ref, "after": after, "last": last, "most": CHUNK}
        ids = await _clear(connection, kind, where)
        after = ids[-1] if len(ids) == CHUNK else last
        await connection.execute("UPDATE cleanups SET after_id = %s WHERE id = %s", (after, cleanup))
    return True


async def _clear(connection: Connection, kind: Kind, where: dict[str, int]) -> list[int]:
    """Takes it out of `most` leads above `after` up to `last`, locked in the order that all writers keep to."""
    rows = await (await connection.execute(FIND.format(bearing=BEARING[kind]), where)).fetchall()
    ids = [row[0] for row in rows]
    if ids:
        await connection.execute(CLEAR.format(cleared=CLEARED[kind]), {**where, "ids": ids})
    return ids
