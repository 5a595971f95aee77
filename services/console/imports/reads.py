"""What the page of an import reads beside the import."""

from shared.platform.db.connections import Connection

COUNTRY_SQL = "SELECT country FROM workspaces WHERE id = %s"


async def read_country(connection: Connection, workspace_id: int) -> str | None:
    """Return the country of the workspace's phones."""
    row = await (await connection.execute(COUNTRY_SQL, (workspace_id,))).fetchone()
    return row[0] if row else None
