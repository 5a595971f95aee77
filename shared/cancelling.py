"""What waits for a subscription or integration that is deleted, or for a subscription that is disabled: cancelled, a
chunk at a time where it is much."""

from typing import Literal

from shared.db import Connection

Kind = Literal["subscription", "integration"]

FEW = 1000  # deliveries that a delete cancels itself, and the sweeper at a time
ANY = 2**63 - 1  # the last of all deliveries
DISABLED = "disabled"  # what a cleanup of a subscription that is still there is called

CANCEL = """
UPDATE deliveries d SET state = 'cancelled', error = %(reason)s, finished_at = now()
FROM (SELECT workspace_id, id FROM deliveries
      WHERE workspace_id = %(workspace)s AND endpoint = %(endpoint)s AND state = 'pending' AND sending_since IS NULL
        AND id <= %(last)s
      ORDER BY workspace_id, endpoint, lead_id, id LIMIT %(most)s FOR UPDATE) c
WHERE d.workspace_id = c.workspace_id AND d.id = c.id
"""
# A receiver with no slots is claimed nothing for.
CLOSE = """
INSERT INTO endpoints (workspace_id, endpoint, slots) VALUES (%s, %s, 0)
ON CONFLICT (workspace_id, endpoint) DO UPDATE SET slots = 0
"""
POSTPONE = "INSERT INTO cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
# It may be enabled again before the sweeper comes to it: what waits from then on is meant to be sent.
POSTPONE_DISABLED = """
INSERT INTO cleanups (workspace_id, kind, ref_id, after_id)
SELECT %(workspace)s, %(kind)s, %(id)s, max(id) FROM deliveries WHERE workspace_id = %(workspace)s
"""
NEXT = """
SELECT id, workspace_id, kind, ref_id, after_id FROM cleanups WHERE kind IN ('subscription', 'integration', 'disabled')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
LEFT = "SELECT FROM cleanups WHERE workspace_id = %s AND kind = %s AND ref_id = %s"
FORGET = "DELETE FROM endpoints WHERE workspace_id = %s AND endpoint = %s"


async def cancel_some(connection: Connection, workspace_id: int, kind: Kind, id_: int) -> int:
    """Cancels up to `FEW` of what waits for one that is deleted, in the caller's transaction; how many."""
    return await _cancel(connection, workspace_id, f"{kind}:{id_}", f"The {kind} was deleted.")


async def postpone(connection: Connection, workspace_id: int, kind: Kind, id_: int) -> None:
    """Leaves the rest to the sweeper; until it is done nothing is taken in hand."""
    await connection.execute(CLOSE, (workspace_id, f"{kind}:{id_}"))
    await connection.execute(POSTPONE, (workspace_id, kind, id_))


async def cancel_disabled(connection: Connection, workspace_id: int, id_: int) -> None:
    """Cancels what waits for a subscription that was just disabled, in the caller's transaction, or leaves the rest of
    much to the sweeper: a sender that takes some of it in hand meanwhile sends none of it."""
    if await _cancel_disabled(connection, workspace_id, id_) == FEW:
        await connection.execute(POSTPONE_DISABLED, {"workspace": workspace_id, "kind": DISABLED, "id": id_})


async def is_cancelling(connection: Connection, workspace_id: int, id_: int) -> bool:
    """Whether the sweeper has yet to cancel some of what waited when the subscription was disabled: it may be enabled
    again by now."""
    return (await connection.execute(LEFT, (workspace_id, DISABLED, id_))).rowcount > 0


async def cancel_chunk(connection: Connection) -> bool:
    """Cancels the next chunk of what was left; False when nothing is. A crash repeats one chunk at most."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT)).fetchone()
        if row is None:
            return False
        cleanup, workspace_id, kind, id_, last = row
        if kind == DISABLED:
            is_done = await _cancel_disabled(connection, workspace_id, id_, last) < FEW
        else:
            is_done = await cancel_some(connection, workspace_id, kind, id_) < FEW
        if is_done:
            await connection.execute("DELETE FROM cleanups WHERE id = %s", (cleanup,))
        if is_done and kind != DISABLED:
            await connection.execute(FORGET, (workspace_id, f"{kind}:{id_}"))
    return True


async def _cancel_disabled(connection: Connection, workspace_id: int, id_: int, last: int = ANY) -> int:
    return await _cancel(connection, workspace_id, f"subscription:{id_}", "The subscription was disabled.", last)


async def _cancel(connection: Connection, workspace_id: int, endpoint: str, reason: str, last: int = ANY) -> int:
    where = {"workspace": workspace_id, "endpoint": endpoint, "reason": reason, "last": last, "most": FEW}
    return (await connection.execute(CANCEL, where)).rowcount
