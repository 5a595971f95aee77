"""Links that are good for one use within 24 hours: to set a password, to join a workspace, to make the first admin.

Only the digest of a link's token is stored. An account belongs to whoever proved its mailbox: a link that the
installation mailed does, one that an admin or a terminal was shown does not. An invitation of a proven account needs
its sign-in. That of any other account sets a new password and voids what came before: password, second factor, recovery
codes and sessions. What a link may do is decided when it is used, under the account's lock.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import dict_row

from shared.auth.accounts import (
    create_account,
    rename_account,
    set_proven,
    store_password,
    void_credentials,
    void_password_links,
)
from shared.auth.passwords import PasswordHashing
from shared.auth.second_factor import disable_second_factor
from shared.auth.sessions import hash_token, lock_account, new_token, notify_sessions_changed
from shared.platform.db.connections import Connection

StoredPurpose = Literal["invite", "reset", "first_admin"]
LinkPurpose = Literal["invite", "reset", "join", "first_admin"]
# Who could read a link on its way: the owner of the mailbox, an admin of a workspace (on a page, or by the mail server
# that the workspace has set up), or an operator.
LinkChannel = Literal["mail", "workspace", "terminal"]

LINK_HOURS: Final = 24
WELCOME_PATH: Final = "/console/welcome/"
MAX_LINK_TOKEN_LENGTH: Final = 100  # characters
FIRST_ADMIN_WORKSPACE: Final = "main"  # slug

# Old links are removed on this occasion.
CREATE_LINK_SQL = """
WITH old AS (DELETE FROM account_links WHERE expires_at < now() - interval '7 days')
INSERT INTO account_links (account_id, purpose, channel, user_id, digest, expires_at)
VALUES (%s, %s, %s, %s, %s, now() + make_interval(hours => %s))
"""
VOID_LINKS_OF_USER_SQL = "UPDATE account_links SET used_at = now() WHERE user_id = %s AND used_at IS NULL"
# `is_trusted` is that of `AccountRecord`. `opens_more`: the account sees anything besides the link's workspace.
READ_LINK_SQL = """
SELECT l.id, l.purpose, l.channel, l.account_id, l.user_id, a.email, coalesce(u.name, a.name) AS name,
    w.name AS workspace_name, w.slug AS workspace_slug,
    coalesce(a.is_operator OR (a.proven_at IS NOT NULL AND a.password_hash IS NOT NULL
        AND EXISTS (SELECT FROM users o WHERE o.account_id = a.id)), false) AS is_trusted,
    coalesce(a.password_hash IS NOT NULL, false) AS has_password,
    coalesce(a.is_operator OR EXISTS (SELECT FROM users o WHERE o.account_id = a.id
        AND o.workspace_id IS DISTINCT FROM u.workspace_id), false) AS opens_more
FROM account_links l LEFT JOIN accounts a ON a.id = l.account_id
LEFT JOIN users u ON u.id = l.user_id LEFT JOIN workspaces w ON w.id = u.workspace_id
WHERE l.digest = %s AND l.used_at IS NULL AND l.expires_at > now()
"""
USE_LINK_SQL = """
UPDATE account_links SET used_at = now() WHERE id = %s AND used_at IS NULL AND expires_at > now() RETURNING id
"""
JOIN_WORKSPACE_SQL = """
UPDATE users SET account_id = %(account)s
WHERE id = %(user)s AND is_active AND (account_id IS NULL OR account_id = %(account)s) RETURNING id
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
    """An unused link, and what it does as things stand. `email` and `name` are None for the first admin.

    `join` makes the signed-in account a member; `invite` sets a password too. Workspace and `user_id` are those of the
    membership that it gives, or for which it was asked. With `starts_over` what came before becomes void.
    """

    id: int
    purpose: LinkPurpose
    channel: LinkChannel
    starts_over: bool
    has_password: bool
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


async def create_link(
    connection: Connection,
    account_id: int | None,
    purpose: StoredPurpose,
    channel: LinkChannel,
    *,
    user_id: int | None = None,
) -> str:
    """Create a link and return its token, which is shown once. `user_id` is the membership that it is about.

    It replaces the membership's former links, or those that set the account's password where it is about none.
    """
    if user_id is not None:
        await connection.execute(VOID_LINKS_OF_USER_SQL, (user_id,))
    elif account_id is not None:
        await void_password_links(connection, account_id)
    token = new_token()
    await connection.execute(CREATE_LINK_SQL, (account_id, purpose, channel, user_id, hash_token(token), LINK_HOURS))
    return token


async def create_first_admin_link(connection: Connection) -> str:
    """Create the link by which the first operator makes an account, and return its token. Former ones become void."""
    await connection.execute(REMOVE_FIRST_ADMIN_LINKS_SQL)
    return await create_link(connection, None, "first_admin", "terminal")


async def read_link(connection: Connection, token: str) -> AccountLinkDetails:
    """Return an unused link. Raises InvalidLink. Reading does not use it up: mail scanners follow links too."""
    if len(token) > MAX_LINK_TOKEN_LENGTH:
        raise InvalidLink
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READ_LINK_SQL, (hash_token(token),))
        row = await cursor.fetchone()
        if row is None:
            raise InvalidLink
    return _judge_link(row)


def _judge_link(row: dict[str, Any]) -> AccountLinkDetails:
    """Return what a link does as its account stands now. Raises InvalidLink for an admin's that would open too much."""
    is_trusted, opens_more = row.pop("is_trusted"), row.pop("opens_more")
    is_membership = row["purpose"] == "invite" and row["user_id"] is not None
    if is_membership and is_trusted:
        return AccountLinkDetails(**row | {"purpose": "join", "starts_over": False})
    if row["channel"] == "workspace" and opens_more:
        raise InvalidLink
    return AccountLinkDetails(**row, starts_over=not is_trusted and (is_membership or row["channel"] == "mail"))


async def set_password_by_link(connection: Connection, passwords: PasswordHashing, token: str, password: str) -> int:
    """Set the password of the account of an invitation or a reset, and return the account's id. All sessions end.

    An invitation makes the membership. A second factor stays unless the account was neither proven nor an operator's.
    Raises InvalidLink, or InvalidPassword if the password breaks a rule.
    """
    link = await read_link(connection, token)
    password_hash = await passwords.hash_new_password(password, link.email or "")
    link = await _hold_link(connection, token)
    if link.account_id is None or link.purpose not in ("invite", "reset"):
        raise InvalidLink
    await _use_link(connection, link)
    if link.starts_over:
        await void_credentials(connection, link.account_id)
        await rename_account(connection, link.account_id, link.name or "")
    await store_password(connection, link.account_id, password_hash)
    if link.channel != "terminal":
        await set_proven(connection, link.account_id, is_proven=link.channel == "mail")
    if link.purpose == "invite" and link.user_id is not None:
        await attach_account(connection, link.user_id, link.account_id)
    return link.account_id


async def join_by_link(connection: Connection, token: str, account_id: int) -> str:
    """Make the signed-in account a member of the link's workspace, and return the workspace's slug.

    Raises InvalidLink, also for a link of another account.
    """
    link = await _hold_link(connection, token)
    if link.purpose != "join" or link.account_id != account_id or link.workspace_slug is None:
        raise InvalidLink
    await _use_link(connection, link)
    await attach_account(connection, link.user_id or 0, account_id)
    return link.workspace_slug


async def attach_account(connection: Connection, user_id: int, account_id: int) -> None:
    """Make a user the account's membership. Raises InvalidLink if the user has an account or is not active any more.

    Links that set the account's password become void, since whoever made them must not get at the new workspace.
    """
    await _lock_membership(connection, user_id, account_id)
    try:
        async with connection.transaction():
            values = {"account": account_id, "user": user_id}
            workspace_row = await (await connection.execute(JOIN_WORKSPACE_SQL, values)).fetchone()
    except psycopg.errors.UniqueViolation:  # the account has another user there
        workspace_row = None
    if workspace_row is None:
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
    password_hash = await passwords.hash_new_password(password, email)
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


async def _hold_link(connection: Connection, token: str) -> AccountLinkDetails:
    """Return a link as it is once its membership and its account are locked. Raises InvalidLink."""
    link = await read_link(connection, token)
    await _lock_membership(connection, link.user_id, link.account_id)
    return await read_link(connection, token)


async def _lock_membership(connection: Connection, user_id: int | None, account_id: int | None) -> None:
    """Lock the user, then the account: whoever removes a user takes the locks in the same order."""
    if user_id is not None:
        await connection.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
    if account_id is not None:
        await lock_account(connection, account_id)


async def _use_link(connection: Connection, link: AccountLinkDetails) -> None:
    """Use the link up. Of two requests with one link the second waits for the first, and finds it used."""
    if await (await connection.execute(USE_LINK_SQL, (link.id,))).fetchone() is None:
        raise InvalidLink
