"""Cancel the pending deliveries of a deleted subscription or integration, or of a disabled subscription.

Few deliveries are cancelled at once, in the request. If there are more, a row in the database leaves the rest to the
sweeper, which cancels one chunk at a time.
"""

from typing import Literal

from shared.db import Connection

Kind = Literal["subscription", "integration"]

FEW = 1000  # deliveries cancelled in one transaction, by a request or by the sweeper
ANY = 2**63 - 1  # the largest delivery id there can be
DISABLED = "disabled"  # the kind of a cleanup whose subscription still exists

CANCEL = """
UPDATE deliveries d SET state = 'cancelled', error = %(reason)s, finished_at = now()
FROM (SELECT workspace_id, id FROM deliveries
      WHERE workspace_id = %(workspace)s AND endpoint = %(endpoint)s AND state = 'pending' AND sending_since IS NULL
        AND id <= %(last)s
      ORDER BY workspace_id, endpoint, lead_id, id LIMIT %(most)s FOR UPDATE) c
WHERE d.workspace_id = c.workspace_id AND d.id = c.id
"""
# No delivery is claimed for a receiver without slots.
CLOSE = """
INSERT INTO endpoints (workspace_id, endpoint, slots) VALUES (%s, %s, 0)
ON CONFLICT (workspace_id, endpoint) DO UPDATE SET slots = 0
"""
POSTPONE = "INSERT INTO cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
# The subscription may be enabled again before the sweeper runs. Deliveries created from then on must be sent, so the
# last id to cancel is stored.
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
    """Cancel a chunk of pending deliveries of a deleted receiver, in the caller's transaction. Return how many."""
    return await _cancel(connection, workspace_id, f"{kind}:{id_}", f"The {kind} was deleted.")


async def postpone(connection: Connection, workspace_id: int, kind: Kind, id_: int) -> None:
    """Leave the remaining deliveries to the sweeper. None of them is claimed for sending until it is done."""
    await connection.execute(CLOSE, (workspace_id, f"{kind}:{id_}"))
    await connection.execute(POSTPONE, (workspace_id, kind, id_))


async def cancel_disabled(connection: Connection, workspace_id: int, id_: int) -> None:
    """Cancel the pending deliveries of a subscription that was just disabled, in the caller's transaction.

    If there are more than one chunk, the sweeper cancels the rest. A sender that claims one of them before that does
    not send it.
    """
    if await _cancel_disabled(connection, workspace_id, id_) == FEW:
        await connection.execute(POSTPONE_DISABLED, {"workspace": workspace_id, "kind": DISABLED, "id": id_})


async def is_cancelling(connection: Connection, workspace_id: int, id_: int) -> bool:
    """Return whether the sweeper still has to cancel deliveries from the time when the subscription was disabled.

    The subscription may be enabled again by now.
    """
    return (await connection.execute(LEFT, (workspace_id, DISABLED, id_))).rowcount > 0


async def cancel_chunk(connection: Connection) -> bool:
    """Cancel the next chunk that a request left; return False if there is none. A crash repeats one chunk at most."""
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
