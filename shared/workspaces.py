"""Management of workspaces and their API keys, for the command line."""

import re
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

import psycopg
from phonenumbers import SUPPORTED_REGIONS
from psycopg.rows import dict_row

from shared.auth.key_format import ALL_SCOPES, GeneratedKey, generate_key
from shared.db.connections import Connection
from shared.leads import reference_locks
from shared.leads.duplicate_policy import MergePolicy

SLUG_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DEFAULT_RATE_LIMIT: Final = 1000  # requests an hour

# One statement, so that a workspace is never visible without its default pipeline.
CREATE_WORKSPACE_SQL = """
WITH workspace AS (
    INSERT INTO workspaces (slug, name, country, timezone) VALUES (%s, %s, %s, %s) RETURNING id
), pipeline AS (
    INSERT INTO pipelines (workspace_id, name, is_default) SELECT id, 'Sales', true FROM workspace
    RETURNING id, workspace_id
), stages AS (
    INSERT INTO pipeline_stages (workspace_id, pipeline_id, name, position, is_won, is_lost)
    SELECT workspace_id, id, stage, position, stage = 'Won', stage = 'Lost'
    FROM pipeline, unnest(ARRAY['New', 'Contacted', 'Qualified', 'Won', 'Lost']) WITH ORDINALITY s (stage, position)
)
SELECT id FROM workspace
"""

# NULL leaves a setting unchanged.
CHANGE_WORKSPACE_SQL = """
UPDATE workspaces SET
    country = coalesce(%(country)s, country), timezone = coalesce(%(timezone)s, timezone),
    merge_policy = coalesce(%(merge_policy)s, merge_policy), fold_gmail = coalesce(%(fold_gmail)s, fold_gmail)
WHERE id = %(id)s
"""

# Adds the folded spelling to the existing one. Two leads that were distinct before stay so, and the older one gets
# later submissions. The order is that of all code that claims identities, to avoid deadlocks.
FOLD_GMAIL_SQL = """
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT workspace_id, kind, folded || '@gmail.com', lead_id
FROM identities, split_part(value, '@', 1) local, replace(split_part(local, '+', 1), '.', '') folded
WHERE workspace_id = %s AND kind = 'email' AND split_part(value, '@', 2) IN ('gmail.com', 'googlemail.com')
    AND folded <> ''
ORDER BY folded COLLATE "C", lead_id
ON CONFLICT DO NOTHING
"""
UNFOLD_GMAIL_SQL = """
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT workspace_id, 'email', email, id FROM leads
WHERE workspace_id = %s AND split_part(email, '@', 2) IN ('gmail.com', 'googlemail.com')
ORDER BY email COLLATE "C", id
ON CONFLICT DO NOTHING
"""

LIST_WORKSPACES_SQL = """
SELECT id, slug, name, country, timezone, merge_policy, fold_gmail FROM workspaces ORDER BY id
"""

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


class InvalidWorkspace(ValueError):
    """The request cannot be fulfilled. The message contains the reason."""


class CreatedKey(NamedTuple):
    """A new key and its id. `key.secret` is shown once and never again."""

    id: int
    key: GeneratedKey
    workspace_id: int


async def create_workspace(
    connection: Connection, slug: str, name: str, country: str = "US", timezone: str = "UTC"
) -> int:
    """Create a workspace with the default pipeline "Sales" and return its id.

    Raises InvalidWorkspace if the slug is invalid or taken, or if the country or time zone does not exist.
    """
    if not SLUG_PATTERN.fullmatch(slug):
        raise InvalidWorkspace(
            f"the slug {slug!r} must be 1 to 63 lowercase letters, digits and hyphens, no hyphen first"
        )
    _check_country_and_timezone(country, timezone)
    try:
        cursor = await connection.execute(CREATE_WORKSPACE_SQL, (slug, name, country, timezone))
    except psycopg.errors.UniqueViolation:
        raise InvalidWorkspace(f"there is a workspace {slug!r} already") from None
    return int((await cursor.fetchall())[0][0])


async def change_workspace(
    connection: Connection,
    slug: str,
    *,
    country: str | None = None,
    timezone: str | None = None,
    merge_policy: MergePolicy | None = None,
    fold_gmail: bool | None = None,
) -> int:
    """Change the given settings of a workspace and return its id. Repeating it has no further effect.

    Raises InvalidWorkspace if there is no such workspace, country or time zone. A change of `fold_gmail` neither merges
    nor splits existing leads.
    """
    _check_country_and_timezone(country, timezone)
    settings = {"country": country, "timezone": timezone, "merge_policy": merge_policy, "fold_gmail": fold_gmail}
    async with connection.transaction():
        row = await (await connection.execute("SELECT id FROM workspaces WHERE slug = %s", (slug,))).fetchone()
        if row is None:
            raise InvalidWorkspace(f"there is no workspace {slug!r}; `workspace list` shows them")
        await reference_locks.lock_exclusive(
            connection, row[0]
        )  # waits for transactions that have read the old settings
        await connection.execute(CHANGE_WORKSPACE_SQL, {**settings, "id": row[0]})
        if fold_gmail is not None:
            await connection.execute(FOLD_GMAIL_SQL if fold_gmail else UNFOLD_GMAIL_SQL, row)
    return int(row[0])


def _check_country_and_timezone(country: str | None, timezone: str | None) -> None:
    if country is not None and country not in SUPPORTED_REGIONS:
        raise InvalidWorkspace(f"the country {country!r} must be one that has phone numbers, as US or DE")
    if timezone is not None and timezone not in available_timezones():
        raise InvalidWorkspace(f"there is no time zone {timezone!r}; they are named as Europe/Berlin or Asia/Riyadh")


async def list_workspaces(connection: Connection) -> list[dict[str, Any]]:
    """Return every workspace: `id, slug, name, country, timezone, merge_policy, fold_gmail`."""
    return await _select_dicts(connection, LIST_WORKSPACES_SQL)


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
    return await _select_dicts(connection, LIST_KEYS_SQL)


async def revoke_key(connection: Connection, key_id: int) -> int:
    """Revoke a key and return its workspace. Repeating it has no further effect.

    Raises InvalidWorkspace if there is no key with that id.
    """
    row = await (await connection.execute(REVOKE_KEY_SQL, (key_id,))).fetchone()
    if row is None:
        raise InvalidWorkspace(f"there is no key {key_id}; `key list` shows them")
    return int(row[0])


async def _select_dicts(connection: Connection, statement: str) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement)
        return await cursor.fetchall()
