"""Accounts as the operator manages them on the command line, who may do everything on this machine anyway."""

from dataclasses import dataclass
from typing import Final

from shared.auth.account_links import InvalidLink, attach_account, create_link
from shared.auth.accounts import create_account, find_account, read_account, store_password, void_password_links
from shared.auth.roles import Role
from shared.auth.second_factor import disable_second_factor
from shared.auth.user_access import announce_access_change
from shared.auth.user_management import check_user_fields
from shared.db.connections import Connection
from shared.errors import ValidationFailed

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
    """An account and its user. `link_token` is None if the account has a password already."""

    account_id: int
    user_id: int
    link_token: str | None


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
    account_id = await create_account(connection, email, name, is_operator=is_operator)
    values = (workspace[0], name, email, role)
    row = await (await connection.execute(ENSURE_USER_SQL, values)).fetchone()
    user_id, attached_id = row or (0, None)
    await _attach_user(connection, user_id, attached_id, account_id)
    await announce_access_change(connection, account_id)
    if is_operator:
        await void_password_links(connection, account_id)
    if password_hash is not None:
        await store_password(connection, account_id, password_hash)
    account = await read_account(connection, account_id)
    has_password = account is not None and account.password_hash is not None
    return CreatedAccount(
        account_id, user_id, None if has_password else await create_link(connection, account_id, "invite")
    )


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
    account = await find_account(connection, email)
    if account is None:
        raise InvalidAccount(NO_ACCOUNT_MESSAGE.format(email))
    if removes_second_factor:
        await disable_second_factor(connection, account.id)
    return await create_link(connection, account.id, "reset")
