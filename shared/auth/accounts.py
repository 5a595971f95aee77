"""Accounts: found, created, listed, and what people set for themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from psycopg.rows import dict_row

from shared.auth.sessions import notify_sessions_changed, revoke_sessions
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.platform.db.connections import Connection

Theme = Literal["system", "light", "dark"]
Language = Literal["", "en", "ar"]
TimeZone = Literal["local", "UTC"]

MAX_EMAIL_LENGTH: Final = 320  # characters; a longer text is no address

# What a person may set, with the default first. The empty language is the browser's.
PREFERENCE_VALUES: Final[dict[str, tuple[str | bool, ...]]] = {
    "theme": ("system", "light", "dark"),
    "language": ("", "en", "ar"),
    "time_zone": ("local", "UTC"),
    "single_keys": (True, False),
}

_ACCOUNT_COLUMNS_SQL = """
SELECT a.id, a.email, a.name, a.password_hash, a.is_operator, a.totp_secret IS NOT NULL AS has_second_factor,
    EXISTS (SELECT FROM users u WHERE u.account_id = a.id AND u.is_active) AS is_member,
    EXISTS (SELECT FROM users u WHERE u.account_id = a.id) AS has_membership, a.proven_at IS NOT NULL AS is_proven
FROM accounts a
"""
FIND_ACCOUNT_SQL = f"{_ACCOUNT_COLUMNS_SQL} WHERE lower(a.email) = lower(%s)"
READ_ACCOUNT_SQL = f"{_ACCOUNT_COLUMNS_SQL} WHERE a.id = %s"
# Another transaction may have just made it.
CREATE_ACCOUNT_SQL = """
INSERT INTO accounts (email, name, is_operator) VALUES (%s, %s, %s)
ON CONFLICT (lower(email)) DO UPDATE SET is_operator = accounts.is_operator OR excluded.is_operator
RETURNING id
"""
SET_PASSWORD_SQL = "UPDATE accounts SET password_hash = %s, password_changed_at = now() WHERE id = %s"  # noqa: S105
# Invitations stay that only the mailbox's owner or an operator has seen.
VOID_LINKS_SQL = """
UPDATE account_links SET used_at = now()
WHERE account_id = %s AND used_at IS NULL AND (user_id IS NULL OR channel = 'workspace')
"""
VOID_CREDENTIALS_SQL = """
UPDATE accounts SET password_hash = NULL, totp_secret = NULL, totp_pending_secret = NULL, totp_last_counter = NULL,
    recovery_digests = '{}', proven_at = NULL
WHERE id = %s
"""
SET_PROVEN_SQL = "UPDATE accounts SET proven_at = CASE WHEN %s THEN coalesce(proven_at, now()) END WHERE id = %s"
SET_PREFERENCES_SQL = "UPDATE accounts SET preferences = preferences || %s::jsonb WHERE id = %s"
RENAME_ACCOUNT_SQL = "UPDATE accounts SET name = %s WHERE id = %s"
LIST_ACCOUNTS_SQL = """
SELECT a.id, a.email, a.name, a.is_operator, a.proven_at IS NOT NULL AS is_proven,
    a.password_hash IS NOT NULL AS has_password,
    a.totp_secret IS NOT NULL AS has_second_factor, a.last_signed_in_at,
    coalesce((SELECT string_agg(w.slug || ':' || u.role || CASE WHEN u.is_active THEN '' ELSE ' (inactive)' END, ', '
                                ORDER BY w.id)
              FROM users u JOIN workspaces w ON w.id = u.workspace_id WHERE u.account_id = a.id), '') AS memberships
FROM accounts a ORDER BY a.id
"""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as sign-in needs it.

    `is_member`: it has an active user in some workspace; `has_membership`: it has any. `is_proven`: a mailed link has
    shown that the mailbox is the person's.
    """

    id: int
    email: str
    name: str
    password_hash: str | None
    is_operator: bool
    has_second_factor: bool
    is_member: bool
    has_membership: bool
    is_proven: bool

    @property
    def is_trusted(self) -> bool:
        """Whether its password opens what it is given next. Otherwise a new link sets another one first.

        An operator sees all workspaces anyway. An account that belongs nowhere starts over.
        """
        return self.is_operator or (self.is_proven and self.has_membership and self.password_hash is not None)

    @property
    def may_sign_in(self) -> bool:
        """Whether there is anything for the account to see."""
        return self.is_operator or self.is_member


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account as `leadhub user list` shows it. `memberships` is text: `main:admin, acme:agent (inactive)`."""

    id: int
    email: str
    name: str
    is_operator: bool
    is_proven: bool
    has_password: bool
    has_second_factor: bool
    last_signed_in_at: datetime | None
    memberships: str


async def find_account(connection: Connection, email: str) -> AccountRecord | None:
    """Return the account with that email, in any case."""
    return await _fetch_account(connection, FIND_ACCOUNT_SQL, email)


async def read_account(connection: Connection, account_id: int) -> AccountRecord | None:
    """Return an account by its id."""
    return await _fetch_account(connection, READ_ACCOUNT_SQL, account_id)


async def create_account(connection: Connection, email: str, name: str, *, is_operator: bool = False) -> int:
    """Create an account without a password and return its id. Of an existing one only operator rights are added."""
    row = await (await connection.execute(CREATE_ACCOUNT_SQL, (email, name, is_operator))).fetchone()
    if row is None:
        raise LookupError("no account was returned")
    return int(row[0])


async def store_password(
    connection: Connection, account_id: int, password_hash: str, *, except_session_id: int | None = None
) -> None:
    """Store a new password: all other sessions end, and links that set a password become void."""
    await connection.execute(SET_PASSWORD_SQL, (password_hash, account_id))
    await void_password_links(connection, account_id)
    await revoke_sessions(connection, account_id, except_session_id=except_session_id)


async def void_password_links(connection: Connection, account_id: int) -> None:
    """End the links that set the account's password: it has gained rights that who made them must not get.

    Open invitations by the installation's mail, or of an operator, stay.
    """
    await connection.execute(VOID_LINKS_SQL, (account_id,))


async def void_credentials(connection: Connection, account_id: int) -> None:
    """Void password, second factor, recovery codes, links and sessions: somebody else may have set them."""
    await connection.execute(VOID_CREDENTIALS_SQL, (account_id,))
    await void_password_links(connection, account_id)
    await revoke_sessions(connection, account_id)


async def set_proven(connection: Connection, account_id: int, *, is_proven: bool) -> None:
    """Note whether the person who holds the password has shown that the mailbox is theirs."""
    await connection.execute(SET_PROVEN_SQL, (is_proven, account_id))


async def change_preferences(connection: Connection, account_id: int, changes: dict[str, Any]) -> None:
    """Change the preferences that are named. Raises ValueError for an unknown name or value."""
    wrong = [name for name, value in changes.items() if value not in PREFERENCE_VALUES.get(name, ())]
    if wrong:
        raise ValueError(f"no such preference: {', '.join(sorted(wrong))}")
    await connection.execute(SET_PREFERENCES_SQL, (orjson.dumps(changes).decode(), account_id))
    await notify_sessions_changed(connection)


async def rename_account(connection: Connection, account_id: int, name: str) -> None:
    """Change a person's own name."""
    await connection.execute(RENAME_ACCOUNT_SQL, (name, account_id))
    await notify_sessions_changed(connection)


def clean_email(email: str) -> str:
    """Return an email in lower case, without characters that the database refuses; an empty text if it is too long."""
    text = email.encode(errors="ignore").decode().replace("\0", "").strip().lower()
    return one_spelling(text) if len(text) <= MAX_EMAIL_LENGTH else ""


def one_spelling(email: str) -> str:
    """Return an email as accounts have it: two spellings of one mailbox beyond ASCII are one account."""
    if email.isascii():
        return email
    try:
        return normalise_email(email)
    except InvalidContact:
        return email


async def list_accounts(connection: Connection) -> list[ListedAccount]:
    """Return all accounts of the installation."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_ACCOUNTS_SQL)
        return [ListedAccount(**row) for row in await cursor.fetchall()]


async def _fetch_account(connection: Connection, statement: str, value: str | int) -> AccountRecord | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, (value,))
        row = await cursor.fetchone()
        return AccountRecord(**row) if row else None
