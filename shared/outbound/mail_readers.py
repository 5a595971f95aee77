"""Who of a workspace reads its mails, and the language that they chose in the console."""

from collections.abc import Collection
from typing import NamedTuple

from shared.platform.db.connections import Connection

# A user without an account, or whose account has not chosen, has none.
_LANGUAGE_SQL = "(SELECT a.preferences->>'language' FROM accounts a WHERE a.id = u.account_id)"
# Those whom the workspace chose. All admins where it chose none, or none of them is left.
READ_ALARM_READERS_SQL = f"""
WITH chosen AS (
    SELECT id, nullif(alarms->%(code)s::text->'user_ids', 'null') AS ids FROM workspaces WHERE id = ANY(%(workspaces)s)
)
SELECT u.workspace_id, u.id, {_LANGUAGE_SQL} FROM chosen c JOIN users u ON u.workspace_id = c.id AND u.is_active
WHERE c.ids @> to_jsonb(u.id)
   OR (u.role = 'admin'
       AND (c.ids IS NULL
            OR (c.ids <> '[]' AND NOT EXISTS (SELECT FROM users o WHERE o.workspace_id = c.id AND o.is_active
                                                                    AND c.ids @> to_jsonb(o.id)))))
ORDER BY 1, 2
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


async def read_alarm_readers(connection: Connection, code: str, workspace_ids: Collection[int]) -> list[MailReader]:
    """Return who is told of an alarm in workspaces."""
    values = {"code": code, "workspaces": list(workspace_ids)}
    rows = await (await connection.execute(READ_ALARM_READERS_SQL, values)).fetchall()
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
