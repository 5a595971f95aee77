"""Limits on the number of records in a workspace. Each record costs all workspaces memory and work."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.crud import Resource
from shared.models import Workspace
from shared.platform.errors import Conflict

LIMIT_REACHED_MESSAGE = (
    "The workspace has {count} {noun}, and may have {most}: delete some first. An operator can raise {setting}."
)


async def lock_record_count(connection: AsyncConnection, workspace_id: int) -> None:
    """Lock the workspace's count until the transaction ends. Two concurrent creates would otherwise both pass."""
    await connection.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


async def expect_below_limit(
    connection: AsyncConnection, workspace_id: int, resource: Resource, noun: str, limit: int, setting: str
) -> None:
    """Raise Conflict if the workspace has as many records of that kind as it may have."""
    await lock_record_count(connection, workspace_id)
    count = await resource.count(connection, workspace_id)
    if count >= limit:
        raise Conflict(LIMIT_REACHED_MESSAGE.format(count=count, noun=noun, most=limit, setting=setting))
