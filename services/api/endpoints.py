"""Receivers of what leaves the house, where somebody acts by hand: what the senders know of one gives way to that.

The senders lock deliveries, then endpoints, then what those stand for: whoever calls these does the same.
"""

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Delivery, Endpoint


async def let_try(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """Ends the wait of its circuit: the next first try is the probe."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(update(Endpoint).where(*where).values(open_until=None))


async def forget(connection: AsyncConnection, workspace_id: int, endpoint: str) -> None:
    """It is another from now on, or none."""
    where = (Endpoint.workspace_id == workspace_id, Endpoint.endpoint == endpoint)
    await connection.execute(delete(Endpoint).where(*where))


async def cancel(connection: AsyncConnection, workspace_id: int, endpoint: str, reason: str) -> None:
    """Cancels what waits for it. What is under way ends by itself."""
    waits = (Delivery.state == "pending", Delivery.sending_since.is_(None))
    where = (Delivery.workspace_id == workspace_id, Delivery.endpoint == endpoint, *waits)
    ended = {"state": "cancelled", "error": reason, "finished_at": func.now()}
    await connection.execute(update(Delivery).where(*where).values(ended))
