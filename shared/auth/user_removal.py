"""Remove a user: the use case of the API and of the console."""

from shared.auth.user_access import AccessChange, account_of_user, announce_access_change, check_access_change
from shared.forms.placement_references import clear_placement
from shared.leads import reference_locks
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound

DELETE_USER_SQL = "DELETE FROM users WHERE workspace_id = %s AND id = %s RETURNING id"
UNASSIGN_TASKS_SQL = "UPDATE tasks SET user_id = NULL WHERE workspace_id = %s AND user_id = %s"


async def remove_user(connection: Connection, workspace_id: int, user_id: int) -> None:
    """Delete a user in the caller's transaction. Leads and tasks become unassigned, and sessions end at once.

    The account stays, with its memberships in other workspaces. Raises NotFound, or Conflict for the last active admin.
    """
    values = (workspace_id, user_id)
    query = "SELECT FROM users WHERE workspace_id = %s AND id = %s"
    if await (await connection.execute(query, values)).fetchone() is None:
        raise NotFound
    await reference_locks.lock_exclusive(connection, workspace_id)
    await check_access_change(connection, workspace_id, user_id, AccessChange(is_active=False))
    account_id = await account_of_user(connection, workspace_id, user_id)
    if await (await connection.execute(DELETE_USER_SQL, values)).fetchone() is None:
        raise NotFound
    await connection.execute(UNASSIGN_TASKS_SQL, values)
    await reference_locks.clear_reference(connection, workspace_id, "user", user_id)
    await clear_placement(connection, workspace_id, "assigned_user_id", user_id)
    await announce_access_change(connection, account_id)
