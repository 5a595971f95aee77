"""The API keys of all workspaces, as the command line makes, lists and revokes them."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row

from shared.auth.key_format import ALL_SCOPES, GeneratedKey, generate_key
from shared.platform.db.connections import Connection
from shared.workspaces import InvalidWorkspace

DEFAULT_RATE_LIMIT: Final = 1000  # requests an hour

CREATE_KEY_SQL = """
INSERT INTO api_keys (workspace_id, name, prefix, digest, scopes, rate_limit, expires_at)
SELECT id, %s, %s, %s, %s, %s, %s FROM workspaces WHERE slug = %s
RETURNING id, workspace_id
"""

LIST_KEYS_SQL = """
SELECT k.id, w.slug AS workspace, k.name, k.prefix, k.scopes, k.rate_limit, k.expires_at, k.last_used_at, k.revoked_at
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
ORDER BY k.id
"""

# The notification makes gateways drop the key from their caches.
REVOKE_KEY_SQL = """
WITH revoked AS (UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING id, workspace_id)
SELECT workspace_id, pg_notify('api_keys', id::text) FROM revoked
"""


class CreatedKey(NamedTuple):
    """A new key and its id. `key.secret` is shown once and never again."""

    id: int
    key: GeneratedKey
    workspace_id: int


async def create_key(
    connection: Connection,
    slug: str,
    name: str,
    scopes: list[str],
    rate_limit: int | None = DEFAULT_RATE_LIMIT,
    expires_at: datetime | None = None,
) -> CreatedKey:
    """Create a key. `rate_limit` is in requests per hour, None for no limit.

    Raises InvalidWorkspace if a scope or the workspace is unknown.
    """
    unknown = sorted(set(scopes) - ALL_SCOPES)
    if unknown or not scopes:
        raise InvalidWorkspace(
            f"unknown scope {', '.join(unknown) or '(none given)'}; there are: {' '.join(sorted(ALL_SCOPES))}"
        )
    key = generate_key()
    values = (name, key.prefix, key.digest, sorted(set(scopes)), rate_limit, expires_at, slug)
    row = await (await connection.execute(CREATE_KEY_SQL, values)).fetchone()
    if row is None:
        raise InvalidWorkspace(f"there is no workspace {slug!r}; `workspace create` makes one")
    return CreatedKey(int(row[0]), key, int(row[1]))


async def list_keys(connection: Connection) -> list[dict[str, Any]]:
    """Return every key, including revoked ones, without secrets."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_KEYS_SQL)
        return await cursor.fetchall()


async def revoke_key(connection: Connection, key_id: int) -> int:
    """Revoke a key and return its workspace. Repeating it has no further effect.

    Raises InvalidWorkspace if there is no key with that id.
    """
    row = await (await connection.execute(REVOKE_KEY_SQL, (key_id,))).fetchone()
    if row is None:
        raise InvalidWorkspace(f"there is no key {key_id}; `key list` shows them")
    return int(row[0])
