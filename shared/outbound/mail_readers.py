"""Who of a workspace reads its mails, and the language that they chose in the console."""

from collections.abc import Collection
from typing import NamedTuple

from shared.platform.db.connections import Connection

# A user without an account, or whose account has not chosen, has none.
_LANGUAGE_SQL = "(SELECT a.preferences->>'language' FROM accounts a WHERE a.id = u.account_id)"
READ_ADMINS_SQL = f"""
SELECT u.workspace_id, u.id, {_LANGUAGE_SQL} FROM users u
WHERE u.workspace_id = ANY(%s) AND u.role = 'admin' AND u.is_active ORDER BY 1, 2
"""
READ_USER_LANGUAGES_SQL = f"""
SELECT u.id, {_LANGUAGE_SQL} FROM users u WHERE u.workspace_id = %s AND u.id = ANY(%s)
"""
READ_MAILBOX_SQL = f"""
SELECT u.email, {_LANGUAGE_SQL} FROM users u WHERE u.workspace_id = %s AND u.id = %s AND u.is_active
"""
READ_ACCOUNT_LANGUAGE_SQL = "SELECT preferences->>'language' FROM accounts WHERE id = %s"


class MailReader(NamedTuple):
    """A user who gets a mail."""

    workspace_id: int
    user_id: int
    language: str | None


async def read_admins(connection: Connection, workspace_ids: Collection[int]) -> list[MailReader]:
    """Return the active admins of workspaces."""
    rows = await (await connection.execute(READ_ADMINS_SQL, (list(workspace_ids),))).fetchall()
    return [MailReader(*row) for row in rows]


async def read_user_languages(
    connection: Connection, workspace_id: int, user_ids: Collection[int]
) -> dict[int, str | None]:
    """Return the languages of users of a workspace, by their ids."""
    rows = await (await connection.execute(READ_USER_LANGUAGES_SQL, (workspace_id, list(user_ids)))).fetchall()
    return dict(rows)


async def read_user_mailbox(connection: Connection, workspace_id: int, user_id: int) -> tuple[str, str | None] | None:
    """Return the address and the language of an active user. None if the workspace has no such user."""
    return await (await connection.execute(READ_MAILBOX_SQL, (workspace_id, user_id))).fetchone()


async def read_account_language(connection: Connection, account_id: int) -> str | None:
    """Return the language of an account."""
    row = await (await connection.execute(READ_ACCOUNT_LANGUAGE_SQL, (account_id,))).fetchone()
    return row[0] if row else None
