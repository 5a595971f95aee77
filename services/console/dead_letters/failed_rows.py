"""What failed of a cause: its newest rows with what a page says about each, and the number of causes by kind."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import dict_row

from services.console.web.cause_titles import FAILED_TABLES
from shared.intake.replay import find_reference
from shared.operations.fingerprint import FailureKind
from shared.platform.db.connections import Connection

ROWS_SHOWN = 25
NO_ID_LIMIT = 2**63 - 1  # no id of a row is larger

COUNT_BY_KIND_SQL = """
SELECT kind, state, count(*) FROM causes
WHERE workspace_id = %(workspace)s AND (%(since)s::timestamptz IS NULL OR last_seen_at >= %(since)s)
GROUP BY kind, state
"""
FAILED_SUBMISSIONS_SQL = """
SELECT id, received_at, processed_at, channel, source, payload, error, attempts FROM submissions
WHERE workspace_id = %(workspace)s AND state = 'dead' AND cause_id = %(cause)s
ORDER BY received_at DESC, id DESC LIMIT %(limit)s
"""
FAILED_DELIVERIES_SQL = """
SELECT d.id, d.kind, d.event, d.lead_id, d.endpoint, d.attempts, d.error, d.created_at, d.finished_at,
       s.id AS subscription_id, i.id AS integration_id, coalesce(i.name, s.description, '') AS receiver,
       coalesce(s.url, '') AS url, last.status, last.started_at
FROM deliveries d
LEFT JOIN webhook_subscriptions s ON s.workspace_id = d.workspace_id AND s.id = d.subscription_id
LEFT JOIN integrations i ON i.workspace_id = d.workspace_id AND i.id = d.integration_id
LEFT JOIN LATERAL (
    SELECT a.status, a.started_at FROM delivery_attempts a
    WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1
) last ON true
WHERE d.workspace_id = %(workspace)s AND d.state = 'failed' AND d.cause_id = %(cause)s AND d.id < %(before)s
ORDER BY d.id DESC LIMIT %(limit)s
"""
FAILED_RUNS_SQL = """
SELECT r.id, r.automation_id, a.name, r.lead_id, r.step, r.steps, r.error, r.created_at, r.finished_at
FROM automation_runs r LEFT JOIN automations a ON a.workspace_id = r.workspace_id AND a.id = r.automation_id
WHERE r.workspace_id = %(workspace)s AND r.state = 'failed' AND r.cause_id = %(cause)s AND r.id < %(before)s
ORDER BY r.id DESC LIMIT %(limit)s
"""
FAILED_ROWS_SQL: dict[str, str] = {
    "submission": FAILED_SUBMISSIONS_SQL,
    "delivery": FAILED_DELIVERIES_SQL,
    "automation_run": FAILED_RUNS_SQL,
}
COUNTED_FAILED = 10_000  # failed rows of a kind; more are not counted
COUNT_FAILED_SQL = """
SELECT count(*) FROM (SELECT FROM {failed} AND workspace_id = %s AND cause_id IS NOT NULL LIMIT {limit}) failed
"""
DECIDED_SQL = """
SELECT state, lead_id, is_duplicate, error FROM submissions
WHERE workspace_id = %s AND id = %s AND received_at = %s
"""
USER_NAME_SQL = "SELECT name FROM accounts WHERE id = %s"
KEY_NAME_SQL = "SELECT name FROM api_keys WHERE workspace_id = %s AND id = %s"


@dataclass(frozen=True)
class TriedSubmission:
    """A submission that was replayed to try. `state` is `waiting`, or what was decided."""

    id: uuid.UUID
    state: Literal["waiting", "done", "dead", "quarantined"]
    lead_id: int | None = None
    is_duplicate: bool | None = None
    error: str | None = None

    @property
    def is_waiting(self) -> bool:
        return self.state == "waiting"


CauseCounts = dict[tuple[str, str], int]  # by kind and state


async def count_causes_by_kind(connection: Connection, workspace_id: int, since: datetime | None) -> CauseCounts:
    """Return the numbers of causes by kind and state."""
    values = {"workspace": workspace_id, "since": since}
    rows = await (await connection.execute(COUNT_BY_KIND_SQL, values)).fetchall()
    return {(kind, state): n for kind, state, n in rows}


async def count_failed(connection: Connection, workspace_id: int, kind: FailureKind) -> int:
    """Return how many submissions, deliveries or runs are failed now, at most `COUNTED_FAILED` and one."""
    failed, _ = FAILED_TABLES[kind]
    statement = COUNT_FAILED_SQL.format(failed=failed, limit=COUNTED_FAILED + 1)
    [(count,)] = await (await connection.execute(statement.encode(), (workspace_id,))).fetchall()
    return int(count)


async def read_failed_rows(
    connection: Connection, workspace_id: int, kind: FailureKind, cause_id: int, before: int | None
) -> list[dict[str, Any]]:
    """Return the newest failed rows of a cause, at most `ROWS_SHOWN` and one more that says that there are others.

    `before` is the id of a delivery or run below which they begin.
    """
    values = {
        "workspace": workspace_id,
        "cause": cause_id,
        "before": NO_ID_LIMIT if before is None else before,
        "limit": ROWS_SHOWN + 1,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FAILED_ROWS_SQL[kind], values)
        return await cursor.fetchall()


async def read_tried(connection: Connection, workspace_id: int, submission_id: uuid.UUID) -> TriedSubmission:
    """Return what became of a submission that was replayed. While it is in no final state it waits."""
    submission = await find_reference(connection, workspace_id, submission_id)
    if submission is None:
        return TriedSubmission(submission_id, "waiting")
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(DECIDED_SQL, (workspace_id, submission_id, submission.reference.received_at))
        row = await cursor.fetchone()
    return TriedSubmission(submission_id, **row) if row else TriedSubmission(submission_id, "waiting")


async def read_actor_name(connection: Connection, workspace_id: int, actor: str | None) -> str:
    """Return the name behind an actor such as `user:7` or `key:7`, or the actor as it is."""
    kind, _, number = (actor or "").partition(":")
    if kind not in ("user", "key") or not number.isdigit():
        return actor or ""
    if kind == "user":
        row = await (await connection.execute(USER_NAME_SQL, (int(number),))).fetchone()
    else:
        row = await (await connection.execute(KEY_NAME_SQL, (workspace_id, int(number)))).fetchone()
    return str(row[0]) if row else actor or ""
