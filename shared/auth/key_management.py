"""The API keys of a workspace as the API and the console make and revoke them.

Each function needs a transaction of the caller's. `installation_keys.py` has those of the command line.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import dict_row

from shared.auth import installation_keys
from shared.auth.key_format import ALL_SCOPES
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed

MAX_KEY_LIMIT: Final = 2**31 - 1  # requests an hour
MAX_KEY_NAME_LENGTH: Final = 255  # characters
RATE_LIMIT_ABOVE_MESSAGE: Final = (
    "The rate_limit field must not be greater than {limit}, which is the limit of the key that asks."
)
KEY_LIMIT_MESSAGE: Final = (
    "The workspace has {count} keys that are valid or were made within the hour. A key with a rate limit makes no more "
    "beyond {most}: revoke some and wait, or ask with an unlimited key. An operator can raise LEADHUB_MAX_KEYS."
)

# Two concurrent requests would otherwise both stay below the limit.
LOCK_KEY_COUNT_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
COUNT_KEYS_SQL = """
SELECT count(*) FROM api_keys WHERE workspace_id = %s AND (
    created_at > now() - interval '1 h' OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))
"""
# Keys that are valid first, then those that have ended. The database's clock tells which have.
LIST_KEYS_SQL = """
SELECT id, name, prefix, scopes, rate_limit, created_at, expires_at, last_used_at, revoked_at,
    coalesce(expires_at <= now(), false) AS is_expired
FROM api_keys WHERE workspace_id = %s
ORDER BY revoked_at IS NOT NULL, coalesce(expires_at <= now(), false), id DESC LIMIT %s
"""
HAS_KEY_SQL = "SELECT FROM api_keys WHERE workspace_id = %s AND id = %s"


@dataclass(frozen=True, slots=True)
class ManagedKey:
    """A key as the page of keys shows it. `rate_limit` is in requests an hour, None without a limit."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    rate_limit: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    is_expired: bool

    @property
    def is_valid(self) -> bool:
        """Whether requests with the key are answered."""
        return self.revoked_at is None and not self.is_expired


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to make. `rate_limit` is in requests an hour, None for no limit."""

    name: str
    scopes: Sequence[str]
    rate_limit: int | None = installation_keys.DEFAULT_RATE_LIMIT
    expires_at: datetime | None = None


async def list_workspace_keys(connection: Connection, workspace_id: int, most: int) -> list[ManagedKey]:
    """Return the keys of a workspace, at most so many: valid ones first, then revoked and expired ones."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_KEYS_SQL, (workspace_id, most))
        return [ManagedKey(**row) for row in await cursor.fetchall()]


async def create_workspace_key(
    connection: Connection, workspace_slug: str, new: NewKey, asking_limit: int | None
) -> installation_keys.CreatedKey:
    """Create a key. `asking_limit` is that of the key which asks for it; a person and an unlimited key have none.

    Raises ValidationFailed by field. The caller has to enforce the number of keys (`enforce_key_limit`).
    """
    errors = _field_errors(new)
    if errors:
        raise ValidationFailed(errors)
    check_key_limit(asking_limit, new.rate_limit)
    return await installation_keys.create_key(
        connection, workspace_slug, new.name, list(new.scopes), new.rate_limit, new.expires_at
    )


async def revoke_workspace_key(connection: Connection, workspace_id: int, key_id: int) -> None:
    """Revoke a key; it is felt within 5 seconds. Repeating it has no further effect. Raises NotFound."""
    if await (await connection.execute(HAS_KEY_SQL, (workspace_id, key_id))).fetchone() is None:
        raise NotFound
    await installation_keys.revoke_key(connection, key_id)


def check_key_limit(asking_limit: int | None, limit: int | None) -> None:
    """Raise ValidationFailed for a limit above that of the key that asks for it."""
    if asking_limit is not None and (limit is None or limit > asking_limit):
        raise ValidationFailed({"rate_limit": [RATE_LIMIT_ABOVE_MESSAGE.format(limit=asking_limit)]})


@asynccontextmanager
async def enforce_key_limit(
    connection: Connection, workspace_id: int, asking_limit: int | None, most: int
) -> AsyncIterator[None]:
    """Raise Conflict if the changes within give the workspace more keys than `most`.

    Only keys with a rate limit are bound by it, since every further key has a limit of its own. Keys created within the
    hour count even if they have ended, since their requests were made.
    """
    if asking_limit is None:
        yield
        return
    await connection.execute(LOCK_KEY_COUNT_SQL, (workspace_id,))
    before = await _count_keys(connection, workspace_id)
    yield
    if await _count_keys(connection, workspace_id) > max(before, most):
        raise Conflict(KEY_LIMIT_MESSAGE.format(count=before, most=most))


def _field_errors(new: NewKey) -> FieldErrors:
    errors: FieldErrors = {}
    if not 0 < len(new.name.strip()) <= MAX_KEY_NAME_LENGTH:
        errors["name"] = [f"The name field must have 1 to {MAX_KEY_NAME_LENGTH} characters."]
    if not new.scopes or not set(new.scopes) <= ALL_SCOPES:
        errors["scopes"] = ["The scopes field must name at least one scope, and only scopes that there are."]
    if new.rate_limit is not None and not 1 <= new.rate_limit <= MAX_KEY_LIMIT:
        errors["rate_limit"] = [f"The rate_limit field must be between 1 and {MAX_KEY_LIMIT}."]
    return errors


async def _count_keys(connection: Connection, workspace_id: int) -> int:
    row = await (await connection.execute(COUNT_KEYS_SQL, (workspace_id,))).fetchone()
    return int(row[0]) if row else 0
