"""What people call the channels by which submissions come: the names of forms and of sources."""

from collections.abc import Mapping

from shared.platform.db.connections import Connection

CHANNEL_NAMES_SQL = """
SELECT 'form:' || id, name FROM forms WHERE workspace_id = %(workspace)s
UNION ALL SELECT 'integration:' || id, name FROM integrations WHERE workspace_id = %(workspace)s
"""


async def read_channel_names(connection: Connection, workspace_id: int) -> dict[str, str]:
    """Return the names of a workspace's forms and sources, by the channel of what comes from them."""
    rows = await (await connection.execute(CHANNEL_NAMES_SQL, {"workspace": workspace_id})).fetchall()
    return {channel: name for channel, name in rows if name}


def origin_name(source: str | None, channel: str, names: Mapping[str, str]) -> str:
    """Return what a submission's origin is called: its source, otherwise the name of its form or integration."""
    return source or names.get(channel, channel)
