"""Accounts as the operator manages them on the command line, who may do everything on this machine anyway."""

from dataclasses import dataclass
from typing import Final

from shared.audit.audit_entry import write_command
from shared.auth.account_links import InvalidLink, attach_account, create_link
from shared.auth.accounts import (
    AccountRecord,
    create_account,
    find_account,
    one_spelling,
    read_account,
    set_proven,
    store_password,
    void_credentials,
    void_password_links,
)
from shared.auth.roles import Role
from shared.auth.second_factor import disable_second_factor
from shared.auth.sessions import lock_account
from shared.auth.user_access import announce_access_change
from shared.auth.user_management import check_user_fields
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed

FIND_WORKSPACE_SQL = "SELECT id FROM workspaces WHERE slug = %s"
ENSURE_USER_SQL = """
INSERT INTO users (workspace_id, name, email, role) VALUES (%s, %s, %s, %s)
ON CONFLICT (workspace_id, lower(email)) DO UPDATE SET role = excluded.role, is_active = true, updated_at = now()
RETURNING id, account_id
"""
OTHER_USER_MESSAGE: Final = (
    "the email belongs to one user of the workspace and to the account of another: give one of them another email"
)
NO_ACCOUNT_MESSAGE: Final = "there is no account with the email {!r}; `user list` shows them"


class InvalidAccount(ValueError):
    """The request cannot be fulfilled. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """An account and its user. `link_token` is None if the account's password opens the workspace.

    With `voids_password` the link sets another password in the place of one that nobody has proven.
    """

    account_id: int
    user_id: int
    link_token: str | None
    voids_password: bool = False


async def create_operator_made_user(
    connection: Connection,
    slug: str,
    *,
    email: str,
    name: str,
    role: Role,
    is_operator: bool = False,
    password_hash: str | None = None,
) -> CreatedAccount:
    """Make a person a member of a workspace, with a password or a link to set one. Repeating it changes the role.

    Raises InvalidAccount if a field is invalid or the workspace does not exist.
    """
    try:
        email, name = check_user_fields(email, name, role)
    except ValidationFailed as error:
        messages = [message for messages in (error.errors or {}).values() for message in messages]
        raise InvalidAccount(" ".join(messages)) from None
    workspace = await (await connection.execute(FIND_WORKSPACE_SQL, (slug,))).fetchone()
    if workspace is None:
        raise InvalidAccount(f"there is no workspace {slug!r}; `workspace list` shows them")
    user = await (await connection.execute(ENSURE_USER_SQL, (workspace[0], name, email, role))).fetchone()
    user_id, attached_id = user or (0, None)
    account = await _ensure_account(connection, email, name)
    gains = attached_id != account.id or (is_operator and not account.is_operator)
    if password_hash is None and gains and _has_foreign_password(account):
        if not is_operator:
            # The membership follows with the use of the link: until then the person keeps what they have.
            token = await create_link(connection, account.id, "invite", "terminal", user_id=user_id)
            return CreatedAccount(account.id, user_id, token, voids_password=True)
        await void_credentials(connection, account.id)
    await _attach_user(connection, user_id, attached_id, account.id)
    if is_operator:
        await create_account(connection, email, name, is_operator=True)
        await void_password_links(connection, account.id)
    await announce_access_change(connection, account.id)
    if password_hash is not None:
        if not account.is_trusted:
            await void_credentials(connection, account.id)
        await store_password(connection, account.id, password_hash)
    return await _with_link(connection, account, user_id)


async def _ensure_account(connection: Connection, email: str, name: str) -> AccountRecord:
    """Return the account of that email, locked."""
    account_id = await create_account(connection, email, name)
    await lock_account(connection, account_id)
    account = await read_account(connection, account_id)
    if account is None:
        raise LookupError("accounts are never deleted")
    return account


def _has_foreign_password(account: AccountRecord) -> bool:
    """Return whether somebody else than the mailbox's owner may have set the password."""
    return account.password_hash is not None and not account.is_trusted


async def _with_link(connection: Connection, before: AccountRecord, user_id: int) -> CreatedAccount:
    """Return the result, with a link if the account has no password."""
    account = await read_account(connection, before.id)
    if account is None or account.password_hash:
        return CreatedAccount(before.id, user_id, None)
    token = await create_link(connection, before.id, "invite", "terminal")
    return CreatedAccount(before.id, user_id, token, voids_password=before.password_hash is not None)


async def _attach_user(connection: Connection, user_id: int, attached_id: int | None, account_id: int) -> None:
    """Raises InvalidAccount if the user is another account's, or the account has another user in the workspace."""
    if attached_id == account_id:
        return
    try:
        if attached_id is None:
            return await attach_account(connection, user_id, account_id)
    except InvalidLink:
        pass
    raise InvalidAccount(OTHER_USER_MESSAGE)


async def create_reset_link(connection: Connection, email: str, *, removes_second_factor: bool = False) -> str:
    """Make a link that sets a new password, and return its token. Raises InvalidAccount for an unknown email."""
    account = await find_account(connection, one_spelling(email.strip()))
    if account is None:
        raise InvalidAccount(NO_ACCOUNT_MESSAGE.format(email))
    if removes_second_factor:
        await disable_second_factor(connection, account.id)
    return await create_link(connection, account.id, "reset", "terminal")


async def trust_account(connection: Connection, email: str) -> None:
    """Count an account as proven: the operator knows that its person holds the password. Raises InvalidAccount."""
    account = await find_account(connection, one_spelling(email.strip()))
    if account is None:
        raise InvalidAccount(NO_ACCOUNT_MESSAGE.format(email))
    await set_proven(connection, account.id, is_proven=True)
    await write_command(connection, "account.trusted", workspace_id=None, object_kind="account", object_id=account.id)
