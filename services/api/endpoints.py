"""Receivers of what leaves the house, where somebody acts by hand: what the senders know of one gives way to that.

The senders lock deliveries, then endpoints, then what those stand for: whoever calls these does the same.
"""

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.state import raw
from shared import cancelling
from shared.cancelling import Kind
from shared.models import Endpoint


async def let_try(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """Ends the wait of its circuit: the next first try is the probe."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(update(Endpoint).where(*where).values(open_until=None))


async def forget(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """It is another from now on, or none."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(delete(Endpoint).where(*where))


async def cancel(connection: AsyncConnection, workspace_id: int, kind: Kind, id_: int) -> None:
    """Cancels what waits for the subscription or integration, and forgets how it did. What is under way ends by itself.

    Of many, the sweeper cancels most: until then no sender takes any in hand, and one that had would send nothing to
    what is deleted.
    """
    if await cancelling.cancel_some(await raw(connection), workspace_id, kind, id_) < cancelling.FEW:
        await forget(connection, workspace_id, f"{kind}:{id_}")
    else:
        await cancelling.postpone(await raw(connection), workspace_id, kind, id_)
