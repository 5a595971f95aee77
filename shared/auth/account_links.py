"""Links that are good for one use within 24 hours: to set a password, to join a workspace, to make the first admin.

Only the digest of a link's token is stored. Three kinds of links set a password: an invitation, a reset, and that of
the first admin. A link that joins a workspace sets none: it proves that the mailbox is the person's, and the person has
to be signed in as well. So neither a stranger's mailbox nor a stranger's password is enough.
"""

from dataclasses import dataclass
from typing import Final, Literal

import psycopg
from psycopg.rows import dict_row

from shared.auth.accounts import create_account, lock_account, store_password, void_password_links
from shared.auth.passwords import PasswordHashing, check_password_rules
from shared.auth.second_factor import disable_second_factor
from shared.auth.sessions import hash_token, new_token, notify_sessions_changed
from shared.db.connections import Connection
from shared.settings import Settings

LinkPurpose = Literal["invite", "reset", "join", "first_admin"]

LINK_HOURS: Final = 24
WELCOME_PATH: Final = "/console/welcome/"
MAX_LINK_TOKEN_LENGTH: Final = 100  # characters
FIRST_ADMIN_WORKSPACE: Final = "main"  # slug

# Old links are removed on this occasion.
CREATE_LINK_SQL = """
WITH old AS (DELETE FROM account_links WHERE expires_at < now() - interval '7 days')
INSERT INTO account_links (account_id, purpose, user_id, digest, expires_at)
VALUES (%s, %s, %s, %s, now() + make_interval(hours => %s))
"""
READ_LINK_SQL = """
SELECT l.id, l.purpose, l.account_id, l.user_id, a.email, coalesce(u.name, a.name) AS name,
    w.name AS workspace_name, w.slug AS workspace_slug
FROM account_links l LEFT JOIN accounts a ON a.id = l.account_id
LEFT JOIN users u ON u.id = l.user_id LEFT JOIN workspaces w ON w.id = u.workspace_id
WHERE l.digest = %s AND l.used_at IS NULL AND l.expires_at > now()
"""
USE_LINK_SQL = """
UPDATE account_links SET used_at = now() WHERE id = %s AND used_at IS NULL AND expires_at > now() RETURNING id
"""
JOIN_WORKSPACE_SQL = """
UPDATE users SET account_id = %(account)s WHERE id = %(user)s AND is_active AND account_id IS NULL RETURNING id
"""
CREATE_FIRST_ADMIN_SQL = """
INSERT INTO users (workspace_id, account_id, name, email, role)
SELECT id, %(account)s, %(name)s, %(email)s, 'admin' FROM workspaces WHERE slug = %(slug)s
ON CONFLICT (workspace_id, lower(email)) DO UPDATE SET account_id = excluded.account_id, role = 'admin',
    is_active = true
RETURNING id
"""
HAS_ACCOUNTS_SQL = "SELECT EXISTS (SELECT FROM accounts WHERE is_operator AND password_hash IS NOT NULL)"
REMOVE_FIRST_ADMIN_LINKS_SQL = "DELETE FROM account_links WHERE purpose = 'first_admin' AND used_at IS NULL"


@dataclass(frozen=True, slots=True)
class AccountLinkDetails:
    """An unused link. `email` and `name` are None for the first admin, workspace and `user_id` unless it joins one."""

    id: int
    purpose: LinkPurpose
    account_id: int | None
    user_id: int | None
    email: str | None
    name: str | None
    workspace_name: str | None
    workspace_slug: str | None


class InvalidLink(Exception):
    """The link is unknown, used or too old, or it belongs to another account."""

    def __init__(self) -> None:
        super().__init__("This link has been used, or is older than a day. Ask for a new one.")


def link_url(base: str, token: str) -> str:
    """Return the address of a link. `base` is what the service's addresses start with."""
    return f"{base.rstrip('/')}{WELCOME_PATH}{token}"


def configured_base_url(settings: Settings) -> str:
    """Return what the service's addresses start with where no request tells: the public URL, else host and port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return settings.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def create_link(
    connection: Connection, account_id: int | None, purpose: LinkPurpose, *, user_id: int | None = None
) -> str:
    """Create a link and return its token, which is shown once. Only `join` has a `user_id`.

    A link that sets a password replaces those that were made before for the same account.
    """
    if account_id is not None and purpose != "join":
        await void_password_links(connection, account_id)
    token = new_token()
    await connection.execute(CREATE_LINK_SQL, (account_id, purpose, user_id, hash_token(token), LINK_HOURS))
    return token


async def create_first_admin_link(connection: Connection) -> str:
    """Create the link by which the first operator makes an account, and return its token. Former ones become void."""
    await connection.execute(REMOVE_FIRST_ADMIN_LINKS_SQL)
    return await create_link(connection, None, "first_admin")


async def read_link(connection: Connection, token: str) -> AccountLinkDetails:
    """Return an unused link. Raises InvalidLink. Reading does not use it up: mail scanners follow links too."""
    if len(token) > MAX_LINK_TOKEN_LENGTH:
        raise InvalidLink
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READ_LINK_SQL, (hash_token(token),))
        row = await cursor.fetchone()
        if row is None:
            raise InvalidLink
        return AccountLinkDetails(**row)


async def set_password_by_link(connection: Connection, passwords: PasswordHashing, token: str, password: str) -> int:
    """Set the password of the account of an invitation or a reset, and return the account's id. All sessions end.

    A second factor stays. Raises InvalidLink, or InvalidPassword if the password breaks a rule.
    """
    link = await read_link(connection, token)
    if link.account_id is None or link.purpose not in ("invite", "reset"):
        raise InvalidLink
    check_password_rules(password, link.email or "")
    password_hash = await passwords.hash_password(password)
    await _use_link(connection, link)
    await store_password(connection, link.account_id, password_hash)
    return link.account_id


async def join_by_link(connection: Connection, token: str, account_id: int) -> str:
    """Make the signed-in account a member of the link's workspace, and return the workspace's slug.

    Raises InvalidLink, also for a link of another account.
    """
    link = await read_link(connection, token)
    if link.purpose != "join" or link.account_id != account_id or link.workspace_slug is None:
        raise InvalidLink
    await _use_link(connection, link)
    await attach_account(connection, link.user_id or 0, account_id)
    return link.workspace_slug


async def attach_account(connection: Connection, user_id: int, account_id: int) -> None:
    """Make a user the account's membership. Raises InvalidLink if the user has an account or is not active any more.

    Links that set the account's password become void, since whoever made them must not get at the new workspace.
    """
    await connection.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
    await lock_account(connection, account_id)
    try:
        async with connection.transaction():
            values = {"account": account_id, "user": user_id}
            found = await (await connection.execute(JOIN_WORKSPACE_SQL, values)).fetchone()
    except psycopg.errors.UniqueViolation:  # the account has another user there
        found = None
    if found is None:
        raise InvalidLink
    await void_password_links(connection, account_id)
    await notify_sessions_changed(connection)


async def create_first_admin(
    connection: Connection, passwords: PasswordHashing, token: str, *, email: str, name: str, password: str
) -> int:
    """Create the first operator, an admin of the workspace `main`, and return the account's id.

    The caller has checked email and name. Raises InvalidLink, also once an operator has a password, or InvalidPassword.
    """
    link = await read_link(connection, token)
    if link.purpose != "first_admin":
        raise InvalidLink
    check_password_rules(password, email)
    password_hash = await passwords.hash_password(password)
    await _use_link(connection, link)
    row = await (await connection.execute(HAS_ACCOUNTS_SQL)).fetchone()
    if row is None or row[0]:
        raise InvalidLink
    account_id = await create_account(connection, email, name, is_operator=True)
    await disable_second_factor(connection, account_id)
    values = {"account": account_id, "name": name, "email": email, "slug": FIRST_ADMIN_WORKSPACE}
    await connection.execute(CREATE_FIRST_ADMIN_SQL, values)
    await store_password(connection, account_id, password_hash)
    return account_id


async def _use_link(connection: Connection, link: AccountLinkDetails) -> None:
    """Use the link up. Of two requests with one link the second waits for the first, and finds it used."""
    if await (await connection.execute(USE_LINK_SQL, (link.id,))).fetchone() is None:
        raise InvalidLink
