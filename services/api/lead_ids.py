"""Ids of leads in requests: the id of a merged lead stands for the lead that answers for it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection
from shared.leads import lead_redirects
from shared.platform.errors import NotFound


async def find_answering_lead(connection: AsyncConnection, workspace_id: int, lead_id: int) -> int | None:
    """Return the lead that answers for an id: itself, or the one that it was merged into; None if there is none."""
    return await lead_redirects.find_answering_lead(await driver_connection(connection), workspace_id, lead_id)


async def answering_lead(connection: AsyncConnection, workspace_id: int, lead_id: int) -> int:
    """Return the lead that answers for an id. Raises NotFound."""
    answering_id = await find_answering_lead(connection, workspace_id, lead_id)
    if answering_id is None:
        raise NotFound
    return answering_id


async def follow_merged_lead(connection: AsyncConnection, workspace_id: int, fields: dict[str, Any]) -> None:
    """Replace the `lead_id` of some fields, if it is that of a merged lead, by the one that answers for it."""
    if (lead_id := fields.get("lead_id")) is not None:
        fields["lead_id"] = await find_answering_lead(connection, workspace_id, lead_id) or lead_id
