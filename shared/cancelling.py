"""What waits for a subscription or integration that is deleted: cancelled, a chunk at a time where it is much."""

from typing import Literal

from shared.db import Connection

Kind = Literal["subscription", "integration"]

FEW = 1000  # deliveries that a delete cancels itself, and the sweeper at a time

CANCEL = """
UPDATE deliveries d SET state = 'cancelled', error = %(reason)s, finished_at = now()
FROM (SELECT workspace_id, id FROM deliveries
      WHERE workspace_id = %(workspace)s AND endpoint = %(endpoint)s AND state = 'pending' AND sending_since IS NULL
      ORDER BY workspace_id, endpoint, lead_id, id LIMIT %(most)s FOR UPDATE) c
WHERE d.workspace_id = c.workspace_id AND d.id = c.id
"""
# A receiver with no slots is claimed nothing for.
CLOSE = """
INSERT INTO endpoints (workspace_id, endpoint, slots) VALUES (%s, %s, 0)
ON CONFLICT (workspace_id, endpoint) DO UPDATE SET slots = 0
"""
POSTPONE = "INSERT INTO cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
NEXT = """
SELECT id, workspace_id, kind, ref_id FROM cleanups WHERE kind IN ('subscription', 'integration')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
FORGET = "DELETE FROM endpoints WHERE workspace_id = %s AND endpoint = %s"


async def cancel_some(connection: Connection, workspace_id: int, kind: Kind, id_: int) -> int:
    """Cancels up to `FEW` of what waits for it, in the caller's transaction; how many."""
    reason, endpoint = f"The {kind} was deleted.", f"{kind}:{id_}"
    where = {"workspace": workspace_id, "endpoint": endpoint, "reason": reason, "most": FEW}
    return (await connection.execute(CANCEL, where)).rowcount


async def postpone(connection: Connection, workspace_id: int, kind: Kind, id_: int) -> None:
    """Leaves the rest to the sweeper; until it is done nothing is taken in hand."""
    await connection.execute(CLOSE, (workspace_id, f"{kind}:{id_}"))
    await connection.execute(POSTPONE, (workspace_id, kind, id_))


async def cancel_chunk(connection: Connection) -> bool:
    """Cancels the next chunk of what was left; False when nothing is. A crash repeats one chunk at most."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT)).fetchone()
        if row is None:
            return False
        cleanup, workspace_id, kind, id_ = row
        if await cancel_some(connection, workspace_id, kind, id_) < FEW:
            await connection.execute(FORGET, (workspace_id, f"{kind}:{id_}"))
            await connection.execute("DELETE FROM cleanups WHERE id = %s", (cleanup,))
    return True
