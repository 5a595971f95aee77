"""Tells whether searches of a workspace miss its latest changes: texts follow leads by a queue."""

from shared.lead_list.filters import LeadFilters
from shared.platform.db.connections import Connection

IS_BEHIND_SQL = "SELECT EXISTS (SELECT FROM lead_search_queue WHERE workspace_id = %s)"


async def is_search_behind(connection: Connection, filters: LeadFilters) -> bool:
    """Return whether leads that were just made or changed may be missed. Ask before the search, or in its snapshot."""
    if not filters.patterns:
        return False
    row = await (await connection.execute(IS_BEHIND_SQL, (filters.workspace_id,))).fetchone()
    return bool(row and row[0])
