"""Delete what workspaces keep for a shorter time than the installation does, in chunks that hold up nobody.

The ledger counts what came, not what is kept: as when a week's partition is dropped, it does not change.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

CHUNK_ROWS = 2_000
WALKED_ENTRIES = 10_000  # entries of timelines that are looked through in one statement

SETTINGS_SQL = """
SELECT workspace_id, submissions_days, held_days, activities_days, attempts_days FROM retention_settings
"""
# With its key: a repeat afterwards is a new submission, as it is when a week is dropped. Held ones have their own time.
DELETE_SUBMISSIONS_SQL = f"""
WITH old AS (
    SELECT id, received_at FROM submissions
    WHERE workspace_id = %(w)s AND received_at < %(limit)s AND {{which}} ORDER BY received_at LIMIT {CHUNK_ROWS}
    FOR UPDATE SKIP LOCKED
), versions AS (
    DELETE FROM submission_versions v USING old WHERE v.workspace_id = %(w)s AND v.submission_id = old.id
), visitors AS (
    DELETE FROM submission_visitors v USING old WHERE v.workspace_id = %(w)s AND v.submission_id = old.id
), keys AS (
    DELETE FROM submission_keys k USING old WHERE k.workspace_id = %(w)s AND k.id = old.id
)
DELETE FROM submissions s USING old
WHERE s.workspace_id = %(w)s AND s.id = old.id AND s.received_at = old.received_at
"""
DELETE_DECIDED_SQL = DELETE_SUBMISSIONS_SQL.format(which="state <> 'quarantined'")
DELETE_HELD_SQL = DELETE_SUBMISSIONS_SQL.format(which="state = 'quarantined' AND state <> 'done'")
# Ids are in the order of creation, so the oldest come first.
DELETE_DELIVERIES_SQL = f"""
WITH oldest AS MATERIALIZED (
    SELECT id, created_at, finished_at FROM deliveries WHERE workspace_id = %(w)s AND id > %(after)s
    ORDER BY id LIMIT {CHUNK_ROWS}
), old AS (
    DELETE FROM deliveries d USING oldest o
    WHERE d.workspace_id = %(w)s AND d.id = o.id AND o.finished_at < %(limit)s RETURNING d.id
), attempts AS (
    DELETE FROM delivery_attempts a USING old WHERE a.workspace_id = %(w)s AND a.delivery_id = old.id
)
SELECT max(id), bool_and(created_at < %(limit)s) FROM oldest
"""
# There is no index by time, which each submission would pay for: the timelines are walked through, once a day.
DELETE_ENTRIES_SQL = f"""
WITH walked AS MATERIALIZED (
    SELECT lead_id, id, created_at FROM activities WHERE workspace_id = %(w)s AND (lead_id, id) > (%(lead)s, %(after)s)
    ORDER BY lead_id, id LIMIT {WALKED_ENTRIES}
), gone AS (
    DELETE FROM activities a USING walked k
    WHERE a.workspace_id = %(w)s AND a.lead_id = k.lead_id AND a.id = k.id AND k.created_at < %(limit)s
      AND NOT a.data ? 'erased'
)
SELECT lead_id, id FROM walked ORDER BY lead_id DESC, id DESC LIMIT 1
"""


class WorkspaceDays(NamedTuple):
    """For how many days a workspace keeps what. None: as long as the installation does."""

    workspace_id: int
    submissions: int | None
    held: int | None
    activities: int | None
    attempts: int | None


async def expire_by_workspace(connection: Connection, now: datetime, *, with_timelines: bool) -> None:
    """Delete what is older than the workspaces keep it. Timelines take a walk through all entries."""
    rows = await (await connection.execute(SETTINGS_SQL)).fetchall()
    for days in (WorkspaceDays(*row) for row in rows):
        held = days.held if days.held is not None else days.submissions
        deleted = await _delete_chunks(connection, DELETE_DECIDED_SQL, days.workspace_id, _limit(now, days.submissions))
        deleted += await _delete_chunks(connection, DELETE_HELD_SQL, days.workspace_id, _limit(now, held))
        if limit := _limit(now, days.attempts):
            await _delete_deliveries(connection, days.workspace_id, limit)
        if with_timelines and (limit := _limit(now, days.activities)):
            await _delete_entries(connection, days.workspace_id, limit)
        if deleted:
            log.info("retention.submissions_deleted", workspace_id=days.workspace_id, submissions=deleted)


def _limit(now: datetime, days: int | None) -> datetime | None:
    return now - timedelta(days=days) if days is not None else None


async def _delete_chunks(connection: Connection, statement: str, workspace_id: int, limit: datetime | None) -> int:
    if limit is None:
        return 0
    deleted = 0
    while n := (await connection.execute(statement, {"w": workspace_id, "limit": limit})).rowcount:
        deleted += n
    return deleted


async def _delete_deliveries(connection: Connection, workspace_id: int, limit: datetime) -> None:
    after = 0
    while True:
        row = await _fetch_row(connection, DELETE_DELIVERIES_SQL, {"w": workspace_id, "after": after, "limit": limit})
        if row[0] is None or not row[1]:
            return
        after = row[0]


async def _delete_entries(connection: Connection, workspace_id: int, limit: datetime) -> None:
    place: Sequence[Any] = (0, 0)
    while place:
        values = {"w": workspace_id, "lead": place[0], "after": place[1], "limit": limit}
        place = await _fetch_row(connection, DELETE_ENTRIES_SQL, values)


async def _fetch_row(connection: Connection, statement: str, values: dict[str, Any]) -> Sequence[Any]:
    return await (await connection.execute(statement, values)).fetchone() or ()
