"""Cancel the pending deliveries of a deleted subscription or integration, or of a disabled subscription, or by hand.

Few deliveries are cancelled at once, in the request. If there are more, a row in the database leaves the rest to the
sweeper, which cancels one chunk at a time.
"""

from typing import Literal

from shared.platform.db.connections import Connection

CancellableKind = Literal["subscription", "integration"]

CANCEL_CHUNK_SIZE = 1000  # deliveries cancelled in one transaction, by a request or by the sweeper
MAX_DELIVERY_ID = 2**63 - 1  # the largest delivery id there can be
DISABLED_KIND = "disabled"  # the kind of a cleanup whose subscription still exists
WAITING_KIND = "waiting"  # of one whose subscription goes on: somebody cancelled what waited
KEPT_REASONS = {DISABLED_KIND: "The subscription was disabled.", WAITING_KIND: "It was cancelled by hand."}

CANCEL_DELIVERIES_SQL = """
UPDATE deliveries d SET state = 'cancelled', error = %(reason)s, finished_at = now()
FROM (SELECT workspace_id, id FROM deliveries
      WHERE workspace_id = %(workspace)s AND endpoint = %(endpoint)s AND state = 'pending' AND sending_since IS NULL
        AND id <= %(last)s
      ORDER BY workspace_id, endpoint, lead_id, id LIMIT %(most)s FOR UPDATE) c
WHERE d.workspace_id = c.workspace_id AND d.id = c.id
"""
# No delivery is claimed for a receiver without slots.
CLOSE_ENDPOINT_SQL = """
INSERT INTO endpoints (workspace_id, endpoint, slots) VALUES (%s, %s, 0)
ON CONFLICT (workspace_id, endpoint) DO UPDATE SET slots = 0
"""
ADD_CANCELLATION_SQL = "INSERT INTO background_cleanups (workspace_id, kind, ref_id) VALUES (%s, %s, %s)"
# The subscription may be enabled again before the sweeper runs. Deliveries created from then on must be sent, so the
# last id to cancel is stored.
ADD_DISABLED_CANCELLATION_SQL = """
INSERT INTO background_cleanups (workspace_id, kind, ref_id, after_id)
SELECT %(workspace)s, %(kind)s, %(id)s, max(id) FROM deliveries WHERE workspace_id = %(workspace)s
"""
NEXT_CANCELLATION_SQL = """
SELECT id, workspace_id, kind, ref_id, after_id FROM background_cleanups
WHERE kind IN ('subscription', 'integration', 'disabled', 'waiting')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
ADD_WAITING_CANCELLATION_SQL = """
INSERT INTO background_cleanups (workspace_id, kind, ref_id, after_id) VALUES (%s, %s, %s, %s)
"""
CANCELLATION_EXISTS_SQL = "SELECT FROM background_cleanups WHERE workspace_id = %s AND kind = ANY(%s) AND ref_id = %s"
DELETE_ENDPOINT_SQL = "DELETE FROM endpoints WHERE workspace_id = %s AND endpoint = %s"


async def cancel_pending(connection: Connection, workspace_id: int, kind: CancellableKind, id_: int) -> int:
    """Cancel a chunk of pending deliveries of a deleted receiver, in the caller's transaction. Return how many."""
    return await _cancel_for_endpoint(connection, workspace_id, f"{kind}:{id_}", f"The {kind} was deleted.")


async def cancel_in_background(connection: Connection, workspace_id: int, kind: CancellableKind, id_: int) -> None:
    """Leave the remaining deliveries to the sweeper. None of them is claimed for sending until it is done."""
    await connection.execute(CLOSE_ENDPOINT_SQL, (workspace_id, f"{kind}:{id_}"))
    await connection.execute(ADD_CANCELLATION_SQL, (workspace_id, kind, id_))


async def cancel_disabled(connection: Connection, workspace_id: int, id_: int) -> None:
    """Cancel the pending deliveries of a subscription that was just disabled, in the caller's transaction.

    If there are more than one chunk, the sweeper cancels the rest. A sender that claims one of them before that does
    not send it.
    """
    if await _cancel_kept(connection, workspace_id, DISABLED_KIND, id_) == CANCEL_CHUNK_SIZE:
        await connection.execute(
            ADD_DISABLED_CANCELLATION_SQL, {"workspace": workspace_id, "kind": DISABLED_KIND, "id": id_}
        )


async def cancel_waiting(connection: Connection, workspace_id: int, id_: int, last: int) -> None:
    """Cancel what waits for a subscription that goes on, up to the delivery `last`, in the caller's transaction.

    If there are more than one chunk, the sweeper cancels the rest; some of it may be sent before that.
    """
    if await _cancel_kept(connection, workspace_id, WAITING_KIND, id_, last) == CANCEL_CHUNK_SIZE:
        await connection.execute(ADD_WAITING_CANCELLATION_SQL, (workspace_id, WAITING_KIND, id_, last))


async def is_cancelling(connection: Connection, workspace_id: int, id_: int) -> bool:
    """Return whether the sweeper still has to cancel deliveries that waited when the subscription was disabled, or when
    somebody cancelled them.

    The subscription may be enabled again by now.
    """
    return (await connection.execute(CANCELLATION_EXISTS_SQL, (workspace_id, list(KEPT_REASONS), id_))).rowcount > 0


async def cancel_chunk(connection: Connection) -> bool:
    """Cancel the next chunk that a request left; return False if there is none. A crash repeats one chunk at most."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT_CANCELLATION_SQL)).fetchone()
        if row is None:
            return False
        cleanup, workspace_id, kind, id_, last = row
        if kind in KEPT_REASONS:
            is_done = await _cancel_kept(connection, workspace_id, kind, id_, last) < CANCEL_CHUNK_SIZE
        else:
            is_done = await cancel_pending(connection, workspace_id, kind, id_) < CANCEL_CHUNK_SIZE
        if is_done:
            await connection.execute("DELETE FROM background_cleanups WHERE id = %s", (cleanup,))
        if is_done and kind not in KEPT_REASONS:
            await connection.execute(DELETE_ENDPOINT_SQL, (workspace_id, f"{kind}:{id_}"))
    return True


async def _cancel_kept(
    connection: Connection, workspace_id: int, kind: str, id_: int, last: int = MAX_DELIVERY_ID
) -> int:
    """Cancel a chunk of a subscription that still exists."""
    return await _cancel_for_endpoint(connection, workspace_id, f"subscription:{id_}", KEPT_REASONS[kind], last)


async def _cancel_for_endpoint(
    connection: Connection, workspace_id: int, endpoint: str, reason: str, last: int = MAX_DELIVERY_ID
) -> int:
    where = {"workspace": workspace_id, "endpoint": endpoint, "reason": reason, "last": last, "most": CANCEL_CHUNK_SIZE}
    return (await connection.execute(CANCEL_DELIVERIES_SQL, where)).rowcount
