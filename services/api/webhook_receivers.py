"""The state of webhook and integration receivers, changed by hand. A change here overrides what the senders recorded.

The senders lock deliveries, then receivers, then subscriptions or integrations. Callers must lock in the same order.
"""

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection
from shared.models import Endpoint
from shared.outbound import cancellation
from shared.outbound.cancellation import CancellableKind


async def allow_attempt(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """Close the receiver's waiting period: the next first attempt is the probe of its circuit."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(update(Endpoint).where(*where).values(open_until=None))


async def forget_receiver(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """Delete the state of a receiver that was changed or removed."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(delete(Endpoint).where(*where))


async def cancel_deliveries(connection: AsyncConnection, workspace_id: int, kind: CancellableKind, id_: int) -> None:
    """Cancel the pending deliveries of a subscription or integration, and delete the receiver's state.

    Attempts that are under way end by themselves. If there are many deliveries, the sweeper cancels most of them later.
    Until then the senders start none, and send nothing to a receiver that was deleted.
    """
    if (
        await cancellation.cancel_pending(await driver_connection(connection), workspace_id, kind, id_)
        < cancellation.CANCEL_CHUNK_SIZE
    ):
        await forget_receiver(connection, workspace_id, f"{kind}:{id_}")
    else:
        await cancellation.cancel_in_background(await driver_connection(connection), workspace_id, kind, id_)
