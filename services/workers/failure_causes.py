"""Give each failure its cause. Transactions append deltas, and the sweeper folds them into `causes` and their counts.

A flood of failures of one cause thus writes to no common row. A cause that was marked as fixed, or whose time of being
ignored is over, opens again when it comes back.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.operations.fingerprint import FailureCause, cause_of_text
from shared.platform.db.connections import Connection, StatementExecutor, as_json

BACKFILL_CHUNK_SIZE = 500  # rows
KEPT_COUNT_DAYS = 8

_find_http_status = re.compile(r"\banswered (\d{3})\b").search

ADD_DELTAS_SQL = """
INSERT INTO cause_deltas (workspace_id, cause_id, kind, fingerprint, error_type, place, title, n, at)
SELECT w, id, kind, fingerprint, error_type, place, title, n, coalesce(at, clock_timestamp())
FROM json_to_recordset(%s::json) AS c(w bigint, id bigint, kind text, fingerprint text, error_type text, place text,
                                      title text, n bigint, at timestamptz)
"""
FOLD_CAUSES_SQL = """
WITH folded AS (
    DELETE FROM cause_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM cause_deltas LIMIT 20000 FOR UPDATE SKIP LOCKED))
    RETURNING *
), counted AS (
    INSERT INTO cause_counts (workspace_id, cause_id, at, n)
    SELECT workspace_id, cause_id, date_bin('10 minutes', at, 'epoch'), sum(n) FROM folded
    WHERE at > now() - interval '8 days' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (workspace_id, cause_id, at) DO UPDATE SET n = cause_counts.n + excluded.n
)
INSERT INTO causes AS c (workspace_id, id, kind, fingerprint, error_type, place, title, first_seen_at, last_seen_at)
SELECT workspace_id, cause_id, min(kind), min(fingerprint), min(error_type), min(place), min(title), min(at), max(at)
FROM folded GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (workspace_id, id) DO UPDATE SET
    first_seen_at = least(c.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at),
    (state, ignored_until, reopened_at) = (
        SELECT CASE WHEN comes_back THEN 'open' ELSE c.state END,
               CASE WHEN NOT comes_back THEN c.ignored_until END,
               CASE WHEN comes_back THEN excluded.last_seen_at ELSE c.reopened_at END
        FROM (SELECT coalesce(
            c.state = 'fixed' AND excluded.last_seen_at > c.changed_at
            OR c.state = 'ignored' AND excluded.last_seen_at > c.ignored_until, false)) one (comes_back))
"""
DELETE_OLD_COUNTS_SQL = """
DELETE FROM cause_counts WHERE (workspace_id, cause_id, at) IN (
    SELECT workspace_id, cause_id, at FROM cause_counts WHERE at < now() - %s * interval '1 day' LIMIT 5000)
"""
DELETE_OLD_CAUSES_SQL = """
DELETE FROM causes WHERE (workspace_id, id) IN (
    SELECT workspace_id, id FROM causes WHERE last_seen_at < now() - %s * interval '1 day' LIMIT 5000)
"""
# Failed rows from before there were causes. `key` finds the row again, `at` is when it failed.
UNCAUSED_SUBMISSIONS_SQL = f"""
SELECT s.workspace_id, s.id::text, s.received_at, s.processed_at, '', coalesce(s.error, '')
FROM workspaces w, LATERAL (
    SELECT * FROM submissions WHERE workspace_id = w.id AND state = 'dead' AND cause_id IS NULL
    LIMIT {BACKFILL_CHUNK_SIZE} FOR UPDATE SKIP LOCKED) s
LIMIT {BACKFILL_CHUNK_SIZE}
"""
UNCAUSED_DELIVERIES_SQL = f"""
SELECT d.workspace_id, d.id::text, d.created_at, d.finished_at, d.kind, coalesce(d.error, '')
FROM workspaces w, LATERAL (
    SELECT * FROM deliveries WHERE workspace_id = w.id AND state = 'failed' AND cause_id IS NULL
    LIMIT {BACKFILL_CHUNK_SIZE} FOR UPDATE SKIP LOCKED) d
LIMIT {BACKFILL_CHUNK_SIZE}
"""
UNCAUSED_RUNS_SQL = f"""
SELECT r.workspace_id, r.id::text, r.created_at, r.finished_at, '', coalesce(r.error, '')
FROM workspaces w, LATERAL (
    SELECT * FROM automation_runs WHERE workspace_id = w.id AND state = 'failed' AND cause_id IS NULL
    LIMIT {BACKFILL_CHUNK_SIZE} FOR UPDATE SKIP LOCKED) r
LIMIT {BACKFILL_CHUNK_SIZE}
"""
_FOUND_SQL = "json_to_recordset(%s::json) AS f(w bigint, key text, made timestamptz, cause bigint)"
SET_SUBMISSION_CAUSES_SQL = f"""
UPDATE submissions s SET cause_id = f.cause FROM {_FOUND_SQL}
WHERE s.workspace_id = f.w AND s.id = f.key::uuid AND s.received_at = f.made
"""
SET_DELIVERY_CAUSES_SQL = f"""
UPDATE deliveries d SET cause_id = f.cause FROM {_FOUND_SQL} WHERE d.workspace_id = f.w AND d.id = f.key::bigint
"""
SET_RUN_CAUSES_SQL = f"""
UPDATE automation_runs r SET cause_id = f.cause FROM {_FOUND_SQL} WHERE r.workspace_id = f.w AND r.id = f.key::bigint
"""


def delivery_cause(kind: str, error: str) -> FailureCause:
    """Return the cause of a failed delivery of that kind, such as `webhook`."""
    status = _find_http_status(error)
    return cause_of_text("delivery", error, error_type=f"HTTP {status[1]}" if status else "DeliveryFailed", place=kind)


def run_cause(error: str, *, error_type: str = "StepFailed", place: str = "") -> FailureCause:
    """Return the cause of a failed run. `place` is the action that failed."""
    return cause_of_text("automation_run", error, error_type=error_type, place=place)


BACKFILLS: Sequence[tuple[str, str, Callable[[str, str], FailureCause]]] = (
    (UNCAUSED_SUBMISSIONS_SQL, SET_SUBMISSION_CAUSES_SQL, lambda _, error: cause_of_text("submission", error)),
    (UNCAUSED_DELIVERIES_SQL, SET_DELIVERY_CAUSES_SQL, delivery_cause),
    (UNCAUSED_RUNS_SQL, SET_RUN_CAUSES_SQL, lambda _, error: run_cause(error)),
)


async def add_failures(connection: StatementExecutor, failures: Sequence[tuple[int, FailureCause]]) -> None:
    """Count failures, each given by its workspace id and cause, in the caller's transaction."""
    if failures:
        rows = [_delta_row(workspace_id, cause, n) for (workspace_id, cause), n in Counter(failures).items()]
        await connection.execute(ADD_DELTAS_SQL, (as_json(rows),))


async def fold_causes(connection: Connection) -> None:
    """Fold deltas into causes and their counts."""
    await connection.execute(FOLD_CAUSES_SQL, prepare=False)  # a plan made for an empty table would be quadratic


async def backfill_causes(connection: Connection) -> int:
    """Give causes to rows that failed before there were causes, in chunks. Return how many."""
    total = 0
    for select, update, cause_of in BACKFILLS:
        while found := await _backfill_chunk(connection, select, update, cause_of):
            total += found
    return total


async def delete_old_causes(connection: Connection, keep_days: int) -> None:
    """Delete causes that were not seen for `keep_days` days, and counts that nobody shows any more."""
    for statement, days in ((DELETE_OLD_COUNTS_SQL, KEPT_COUNT_DAYS), (DELETE_OLD_CAUSES_SQL, keep_days)):
        while (await connection.execute(statement, (days,))).rowcount:
            pass


async def _backfill_chunk(
    connection: Connection, select: str, update: str, cause_of: Callable[[str, str], FailureCause]
) -> int:
    async with connection.transaction():
        rows = await (await connection.execute(select)).fetchall()
        if rows:
            causes = [cause_of(row[4], row[5]) for row in rows]
            cause_rows = [
                {"w": row[0], "key": row[1], "made": row[2], "cause": cause.id}
                for row, cause in zip(rows, causes, strict=True)
            ]
            deltas = [_delta_row(row[0], cause, 1, row[3]) for row, cause in zip(rows, causes, strict=True)]
            await connection.execute(update, (as_json(cause_rows),))
            await connection.execute(ADD_DELTAS_SQL, (as_json(deltas),))
    return len(rows)


def _delta_row(workspace_id: int, cause: FailureCause, n: int, at: datetime | None = None) -> Mapping[str, Any]:
    return {
        "w": workspace_id,
        "id": cause.id,
        "kind": cause.kind,
        "fingerprint": cause.fingerprint,
        "error_type": cause.error_type,
        "place": cause.place,
        "title": cause.title,
        "n": n,
        "at": at,
    }
