"""Rules for changes of a user's access: the last admin stays, and sessions follow at once."""

from dataclasses import dataclass
from typing import Final

from shared.auth.accounts import read_account, void_credentials
from shared.auth.roles import Role
from shared.auth.sessions import lock_account, notify_sessions_changed, require_renewal, revoke_sessions
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict

LAST_ADMIN_MESSAGE: Final = "This is the workspace's last active admin. Make somebody else an admin first."

# Admins who can sign in. Their rows are locked, so that two requests cannot each remove the other's admin.
LOCK_ADMINS_SQL = """
SELECT u.id FROM users u JOIN accounts a ON a.id = u.account_id
WHERE u.workspace_id = %s AND u.role = 'admin' AND u.is_active AND a.password_hash IS NOT NULL
ORDER BY u.id FOR UPDATE OF u
"""
ACCOUNT_OF_USER_SQL = "SELECT account_id FROM users WHERE workspace_id = %s AND id = %s"


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A change of a user. None leaves a value as it is; a removed user is no longer active."""

    role: Role | None = None
    is_active: bool | None = None


async def check_access_change(connection: Connection, workspace_id: int, user_id: int, change: AccessChange) -> None:
    """Raise Conflict if the workspace would lose its last active admin. Call it before the change."""
    if change.role in (None, "admin") and change.is_active is not False:
        return
    admins = [row[0] for row in await (await connection.execute(LOCK_ADMINS_SQL, (workspace_id,))).fetchall()]
    if admins == [user_id]:
        raise Conflict(LAST_ADMIN_MESSAGE)


async def account_of_user(connection: Connection, workspace_id: int, user_id: int) -> int | None:
    """Return the id of a user's account, None if the user cannot sign in or is not there."""
    row = await (await connection.execute(ACCOUNT_OF_USER_SQL, (workspace_id, user_id))).fetchone()
    return row[0] if row else None


async def announce_access_change(connection: Connection, account_id: int | None) -> None:
    """Let the account's sessions follow a change that was made: each gets a new token, or ends if nothing is left.

    An account that has lost its last membership starts over with its next one.
    """
    if account_id is None:
        return
    await lock_account(connection, account_id)
    account = await read_account(connection, account_id)
    if account is None or account.may_sign_in:
        await require_renewal(connection, account_id)
    elif account.has_membership:
        await revoke_sessions(connection, account_id)
    else:
        await void_credentials(connection, account_id)
    await notify_sessions_changed(connection)
