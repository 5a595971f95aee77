"""Limits on the number of records in a workspace. Each record costs all workspaces memory and work."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Noun
from shared.errors import Conflict
from shared.models import Workspace

FULL = "The workspace has {count} {noun}, and may have {most}: delete some first. An operator can raise {setting}."


async def one_at_a_time(connection: AsyncConnection, workspace_id: int) -> None:
    """Lock the workspace's count until the transaction ends. Two concurrent creates would otherwise both pass."""
    await connection.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


async def expect_room(
    connection: AsyncConnection, workspace_id: int, kind: Noun, noun: str, most: int, setting: str
) -> None:
    """Raise Conflict if the workspace has as many records of that kind as it may have."""
    await one_at_a_time(connection, workspace_id)
    count = await kind.count(connection, workspace_id)
    if count >= most:
        raise Conflict(FULL.format(count=count, noun=noun, most=most, setting=setting))
