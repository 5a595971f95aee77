"""The users of a workspace as its admins manage them: invite, list, change, end access, reset a password.

Each function needs a transaction of the caller's. `shared/auth/user_removal.py` removes a user.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import dict_row

from shared.auth.accounts import AccountRecord, create_account, find_account, one_spelling, read_account
from shared.auth.link_delivery import LinkHandover, LinkSender
from shared.auth.roles import ROLE_NAMES, Role
from shared.auth.sessions import lock_account, revoke_sessions
from shared.auth.user_access import AccessChange, account_of_user, announce_access_change, check_access_change
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed
from shared.platform.validation.types import is_single_line

MAX_USER_NAME_LENGTH: Final = 255  # characters
ALREADY_MEMBER_MESSAGE: Final = "There is a user with this email already."
NOT_INVITED_MESSAGE: Final = "This user cannot sign in yet: invite them first."

LIST_USERS_SQL = """
SELECT u.id, u.name, u.email, u.role, u.is_active, u.created_at, a.id AS account_id,
    a.email AS sign_in_email, a.last_signed_in_at,
    coalesce(a.password_hash IS NOT NULL, false) AS can_sign_in, coalesce(a.totp_secret IS NOT NULL, false)
    AS has_second_factor, coalesce(a.is_operator, false) AS is_operator,
    EXISTS (SELECT FROM account_links l
            WHERE (l.user_id = u.id OR (l.account_id = u.account_id AND l.user_id IS NULL)) AND l.purpose = 'invite'
                AND l.used_at IS NULL AND l.expires_at > now()) AS has_open_invitation,
    s.count AS session_count, s.seen_at AS last_seen_at
FROM users u LEFT JOIN accounts a ON a.id = u.account_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE revoked_at IS NULL AND expires_at > now() AND ends_at > now()),
        max(seen_at) AS seen_at
    FROM sessions WHERE account_id = u.account_id
) s
WHERE u.workspace_id = %s ORDER BY lower(u.name), u.id
"""
FIND_USER_SQL = """
SELECT id, account_id FROM users WHERE workspace_id = %s AND lower(email) = lower(%s) FOR UPDATE
"""
# Another request may have just made the user: then nothing is returned.
CREATE_USER_SQL = """
INSERT INTO users (workspace_id, name, email, role) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
REINVITE_USER_SQL = (
    "UPDATE users SET role = %s, is_active = true, updated_at = now() WHERE workspace_id = %s AND id = %s"
)
CHANGE_USER_SQL = """
UPDATE users SET role = coalesce(%s, role), is_active = coalesce(%s, is_active), updated_at = now()
WHERE workspace_id = %s AND id = %s RETURNING account_id
"""


@dataclass(frozen=True, slots=True)
class ManagedUser:
    """A user as the users page shows it. `can_sign_in`: the account has a password.

    `sign_in_email` is the account's address. `email` is the workspace's own: it may have been changed since.
    Sessions are those of the account, whatever its workspaces; `session_count` are the valid ones.
    """

    id: int
    name: str
    email: str
    role: Role
    is_active: bool
    created_at: datetime
    account_id: int | None
    sign_in_email: str | None
    last_signed_in_at: datetime | None
    can_sign_in: bool
    has_second_factor: bool
    is_operator: bool
    has_open_invitation: bool
    session_count: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserInvitation:
    """The invited user, and what becomes of the link."""

    user_id: int
    handover: LinkHandover


async def list_users(connection: Connection, workspace_id: int) -> list[ManagedUser]:
    """Return the users of a workspace by name."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_USERS_SQL, (workspace_id,))
        return [ManagedUser(**row) for row in await cursor.fetchall()]


async def invite_user(
    connection: Connection, links: LinkSender, workspace_id: int, *, email: str, name: str, role: Role
) -> UserInvitation:
    """Invite a person: create user and account where they are missing, and hand a link over, whose use joins the two.

    A user without an account, as `POST /api/v1/users` makes them, gets this role. Raises ValidationFailed by
    field, Conflict if the person is a member who can sign in already, and LinkLimitReached.
    """
    email, name = check_user_fields(email, name, role)
    user_id, attached_id = await _ensure_user(connection, workspace_id, email, name, role)
    account = await _ensure_account(connection, email, name)
    if attached_id not in (None, account.id) or (attached_id and account.password_hash):
        raise Conflict(ALREADY_MEMBER_MESSAGE)
    return UserInvitation(user_id, await links.hand_over_invitation(connection, workspace_id, account, user_id))


async def change_user(connection: Connection, workspace_id: int, user_id: int, change: AccessChange) -> None:
    """Change role or activity of a user; sessions follow at once. Raises NotFound, or Conflict for the last admin."""
    await check_access_change(connection, workspace_id, user_id, change)
    values = (change.role, change.is_active, workspace_id, user_id)
    row = await (await connection.execute(CHANGE_USER_SQL, values)).fetchone()
    if row is None:
        raise NotFound
    await announce_access_change(connection, row[0])


async def make_reset_link(connection: Connection, links: LinkSender, workspace_id: int, user_id: int) -> LinkHandover:
    """Make a link by which a user sets a new password.

    Raises NotFound, Conflict if the user has no account yet, and LinkLimitReached.
    """
    account_id = await account_of_user(connection, workspace_id, user_id)
    if account_id is None:
        raise Conflict(NOT_INVITED_MESSAGE) if await _has_user(connection, workspace_id, user_id) else NotFound
    await lock_account(connection, account_id)
    account = await read_account(connection, account_id)
    if account is None:
        raise NotFound
    return await links.hand_over_reset(connection, workspace_id, account, user_id)


async def sign_user_out(connection: Connection, workspace_id: int, user_id: int) -> None:
    """End all sessions of a user. Raises NotFound, or Conflict if the user has no account yet."""
    account_id = await account_of_user(connection, workspace_id, user_id)
    if account_id is None:
        raise Conflict(NOT_INVITED_MESSAGE) if await _has_user(connection, workspace_id, user_id) else NotFound
    await revoke_sessions(connection, account_id)


def check_user_fields(email: str, name: str, role: str) -> tuple[str, str]:
    """Return email and name, trimmed, an email beyond ASCII in one spelling. Raises ValidationFailed by field."""
    email, name = email.strip(), name.strip()
    errors: FieldErrors = {}
    try:
        normalise_email(email)
    except InvalidContact:
        errors["email"] = ["The email field must be a valid email address."]
    if not 0 < len(name) <= MAX_USER_NAME_LENGTH or not is_single_line(name):
        errors["name"] = [f"The name field must have 1 to {MAX_USER_NAME_LENGTH} characters on one line."]
    if role not in ROLE_NAMES:
        errors["role"] = [f"The role field must be one of: {', '.join(ROLE_NAMES)}."]
    if errors:
        raise ValidationFailed(errors)
    return one_spelling(email), name


async def _ensure_user(
    connection: Connection, workspace_id: int, email: str, name: str, role: Role
) -> tuple[int, int | None]:
    """Return the id of the user with that email, and of the account that it has already."""
    made = await (await connection.execute(CREATE_USER_SQL, (workspace_id, name, email, role))).fetchone()
    if made is not None:
        return int(made[0]), None
    user_row = await (await connection.execute(FIND_USER_SQL, (workspace_id, email))).fetchone()
    if user_row is None:
        raise Conflict(ALREADY_MEMBER_MESSAGE)
    await check_access_change(connection, workspace_id, user_row[0], AccessChange(role))
    await connection.execute(REINVITE_USER_SQL, (role, workspace_id, user_row[0]))
    return int(user_row[0]), user_row[1]


async def _ensure_account(connection: Connection, email: str, name: str) -> AccountRecord:
    """Return the account of that email, locked, so that nobody gives it more rights until the link is made."""
    found = await find_account(connection, email)
    account_id = found.id if found else await create_account(connection, email, name)
    await lock_account(connection, account_id)
    account = await read_account(connection, account_id)
    if account is None:
        raise LookupError("accounts are never deleted")
    return account


async def _has_user(connection: Connection, workspace_id: int, user_id: int) -> bool:
    query = "SELECT FROM users WHERE workspace_id = %s AND id = %s"
    return await (await connection.execute(query, (workspace_id, user_id))).fetchone() is not None
