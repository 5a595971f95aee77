"""For how long a workspace keeps what: less than the installation does, by kind."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from psycopg.rows import dict_row
from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed

MAX_RETENTION_DAYS = 36_500
RetentionDays = Annotated[int, Strict(), Field(ge=1, le=MAX_RETENTION_DAYS)]
RETENTION_KINDS: Final = ("submissions_days", "held_days", "activities_days", "attempts_days")
TOO_LONG_MESSAGE = "The installation keeps them for {days} days at most (LEADHUB_KEEP_DAYS)."
TIMELINE_MESSAGE = "The timeline must be kept at least as long as submissions, for {days} days: it leads to them."

READ_SQL = (
    "SELECT submissions_days, held_days, activities_days, attempts_days FROM retention_settings WHERE workspace_id = %s"
)
WRITE_SQL = """
INSERT INTO retention_settings (workspace_id, submissions_days, held_days, activities_days, attempts_days)
VALUES (%(w)s, %(submissions_days)s, %(held_days)s, %(activities_days)s, %(attempts_days)s)
ON CONFLICT (workspace_id) DO UPDATE SET
    submissions_days = excluded.submissions_days, held_days = excluded.held_days,
    activities_days = excluded.activities_days, attempts_days = excluded.attempts_days, updated_at = now()
"""

RetentionSettings = dict[str, int | None]


class RetentionFields(TypedDict, total=False):
    """Days. Null: as long as the installation keeps them."""

    submissions_days: RetentionDays | None
    held_days: RetentionDays | None
    activities_days: RetentionDays | None
    attempts_days: RetentionDays | None


async def read_retention(connection: Connection, workspace_id: int) -> RetentionSettings:
    """Return the days by kind; None: as long as the installation keeps them."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(READ_SQL, (workspace_id,))).fetchone()
    return row or dict.fromkeys(RETENTION_KINDS)


async def change_retention(
    connection: Connection, workspace_id: int, fields: Mapping[str, Any], installation_days: int
) -> RetentionSettings:
    """Change the days of some kinds, in the caller's transaction. Raises ValidationFailed by kind."""
    await connection.execute("SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE", (workspace_id,))
    before = await read_retention(connection, workspace_id)
    after = before | {name: fields[name] for name in RETENTION_KINDS if name in fields}
    if errors := retention_errors(after, installation_days):
        raise ValidationFailed(errors)
    await connection.execute(WRITE_SQL, {"w": workspace_id, **after})
    return after


def retention_errors(settings: RetentionSettings, installation_days: int) -> dict[str, list[str]]:
    """Return what is wrong with settings, by kind. Pure."""
    errors = {
        name: [TOO_LONG_MESSAGE.format(days=installation_days)]
        for name in ("submissions_days", "held_days", "attempts_days")
        if (settings[name] or 0) > installation_days
    }
    kept = max(settings["submissions_days"] or installation_days, settings["held_days"] or 0)
    if settings["activities_days"] is not None and settings["activities_days"] < kept:
        errors["activities_days"] = [TIMELINE_MESSAGE.format(days=kept)]
    return errors
