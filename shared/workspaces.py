"""Management of workspaces, for the command line."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import psycopg
from phonenumbers import SUPPORTED_REGIONS
from psycopg.rows import dict_row

from shared.leads import reference_locks
from shared.leads.duplicate_policy import MergePolicy
from shared.platform.db.connections import Connection

SETTING_NAMES = ("name", "country", "timezone", "merge_policy", "fold_gmail", "never_join", "spam_threshold")
SLUG_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

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
    name = coalesce(%(name)s, name), country = coalesce(%(country)s, country),
    timezone = coalesce(%(timezone)s, timezone), merge_policy = coalesce(%(merge_policy)s, merge_policy),
    fold_gmail = coalesce(%(fold_gmail)s, fold_gmail), never_join = coalesce(%(never_join)s::text[], never_join),
    spam_threshold = coalesce(%(spam_threshold)s, spam_threshold)
WHERE id = %(id)s
"""

# Adds the folded spelling to the existing one. Two leads that were distinct before stay so, and the older one gets
# later submissions. The order is that of all code that claims identities, to avoid deadlocks.
FOLD_GMAIL_SQL = """
INSERT INTO identities (workspace_id, kind, value, lead_id, import_id)
SELECT workspace_id, kind, folded || '@gmail.com', lead_id, import_id
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
    AND NOT ARRAY[email, split_part(email, '@', 1) || '@']
        && (SELECT never_join FROM workspaces w WHERE w.id = leads.workspace_id)
ORDER BY email COLLATE "C", id
ON CONFLICT DO NOTHING
"""

LIST_WORKSPACES_SQL = """
SELECT id, slug, name, country, timezone, merge_policy, fold_gmail FROM workspaces ORDER BY id
"""


class InvalidWorkspace(ValueError):
    """The request cannot be fulfilled. The message contains the reason."""


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
        await apply_settings(connection, row[0], settings)
    return int(row[0])


async def apply_settings(connection: Connection, workspace_id: int, settings: Mapping[str, Any]) -> None:
    """Change checked settings, in the caller's transaction. One that is missing or None stays."""
    # Waits for transactions that have read the old settings.
    await reference_locks.lock_exclusive(connection, workspace_id)
    await connection.execute(CHANGE_WORKSPACE_SQL, {**dict.fromkeys(SETTING_NAMES), **settings, "id": workspace_id})
    fold_gmail = settings.get("fold_gmail")
    if fold_gmail is not None:
        await connection.execute(FOLD_GMAIL_SQL if fold_gmail else UNFOLD_GMAIL_SQL, (workspace_id,))


def _check_country_and_timezone(country: str | None, timezone: str | None) -> None:
    if country is not None and country not in SUPPORTED_REGIONS:
        raise InvalidWorkspace(f"the country {country!r} must be one that has phone numbers, such as US or DE")
    if timezone is not None and timezone not in available_timezones():
        raise InvalidWorkspace(f"there is no time zone {timezone!r}; they are named like Europe/Berlin or Asia/Riyadh")


async def list_workspaces(connection: Connection) -> list[dict[str, Any]]:
    """Return every workspace: `id, slug, name, country, timezone, merge_policy, fold_gmail`."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_WORKSPACES_SQL)
        return await cursor.fetchall()
