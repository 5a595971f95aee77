"""The state of webhook and integration receivers, changed by hand. A change here overrides what the senders recorded.

The senders lock deliveries, then receivers, then subscriptions or integrations. Callers must lock in the same order.
"""

from shared.outbound import cancellation
from shared.outbound.cancellation import DELETE_ENDPOINT_SQL, CancellableKind
from shared.platform.db.connections import Connection

ALLOW_ATTEMPT_SQL = "UPDATE endpoints SET open_until = NULL WHERE workspace_id = %s AND endpoint = %s"


async def allow_attempt(connection: Connection, workspace_id: int, endpoint: str) -> None:
    """Close the receiver's waiting period: the next first attempt is the probe of its circuit."""
    await connection.execute(ALLOW_ATTEMPT_SQL, (workspace_id, endpoint))


async def forget_receiver(connection: Connection, workspace_id: int, endpoint: str) -> None:
    """Delete the state of a receiver that was changed or removed."""
    await connection.execute(DELETE_ENDPOINT_SQL, (workspace_id, endpoint))


async def cancel_deliveries(connection: Connection, workspace_id: int, kind: CancellableKind, id_: int) -> None:
    """Cancel the pending deliveries of a subscription or integration, and delete the receiver's state.

    Attempts that are under way end by themselves. If there are many deliveries, the sweeper cancels most of them later.
    Until then the senders start none, and send nothing to a receiver that was deleted.
    """
    if await cancellation.cancel_pending(connection, workspace_id, kind, id_) < cancellation.CANCEL_CHUNK_SIZE:
        await forget_receiver(connection, workspace_id, f"{kind}:{id_}")
    else:
        await cancellation.cancel_in_background(connection, workspace_id, kind, id_)
