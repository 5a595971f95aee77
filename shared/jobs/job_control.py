"""Jobs as people use them: counted, confirmed, watched, paused, resumed and cancelled.

Every function runs in the caller's transaction and names the workspace. The workers' part is
`services/workers/jobs/job_engine.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from shared.intake.change_author import ChangeAuthor
from shared.intake.payload_changes import PayloadChange
from shared.jobs.job_followers import notify_followers
from shared.jobs.job_kinds import AnyJobKind, JobKind
from shared.jobs.job_targets import count_targets, store_targets
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Conflict, NotFound

JobState = Literal["queued", "running", "paused", "done", "cancelled", "failed"]
JobRow = dict[str, Any]

UNDER_WAY_TIME = timedelta(seconds=5)  # after which the transactions that decide rows have ended
MAX_RATE = 1_000_000  # items a second

# A million rows are stored in seconds. The default would cut it off on a slow disk.
RAISE_TIMEOUT_SQL = "SET LOCAL statement_timeout = '120s'"
ADD_JOB_SQL = """
INSERT INTO jobs (workspace_id, kind, filter, changes, with_automations, reason, created_by, rate)
VALUES (%s, %s, %s::jsonb, %s::jsonb, %s, %s, %s::jsonb, %s) RETURNING id
"""
SET_TOTAL_SQL = "UPDATE jobs SET total = %s WHERE workspace_id = %s AND id = %s"
JOB_COLUMNS = (
    *("id", "kind", "state", "filter", "changes", "with_automations", "reason", "created_by", "total", "done"),
    *("failed", "skipped", "rate", "error", "created_at", "started_at", "finished_at", "position"),
)
READ_JOBS_SQL = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs WHERE workspace_id = %s"
# By the index of jobs that run, which is nearly empty.
COUNT_ACTIVE_SQL = """
SELECT count(*) FROM jobs WHERE workspace_id = %s AND state = ANY (ARRAY['queued', 'running'])
"""
# By the index of jobs that have ended.
RECENTLY_ENDED_SQL = """
SELECT id, kind, filter, state, total, (created_by ->> 'id')::bigint, finished_at FROM jobs
WHERE workspace_id = %s AND finished_at > now() - make_interval(secs => %s) AND created_by ->> 'kind' = 'user'
ORDER BY finished_at DESC LIMIT 20
"""
SET_RATE_SQL = "UPDATE jobs SET rate = %s, due_at = now() WHERE workspace_id = %s AND id = %s AND finished_at IS NULL"
PAUSE_JOB_SQL = """
UPDATE jobs SET state = 'paused' WHERE workspace_id = %s AND id = %s AND state IN ('queued', 'running', 'paused')
"""
RESUME_JOB_SQL = """
UPDATE jobs SET state = CASE WHEN state <> 'paused' THEN state WHEN started_at IS NULL THEN 'queued' ELSE 'running' END,
                due_at = now()
WHERE workspace_id = %s AND id = %s AND state IN ('queued', 'running', 'paused')
"""
CANCEL_JOB_SQL = """
UPDATE jobs SET state = 'cancelled', finished_at = now()
WHERE workspace_id = %s AND id = %s AND state IN ('queued', 'running', 'paused')
"""


class EndedJob(NamedTuple):
    """A job of a user that has ended. `account_id` is that of the user who started it."""

    id: int
    kind: AnyJobKind
    filter: dict[str, Any]
    state: JobState
    total: int
    account_id: int
    finished_at: datetime


class CountMoved(Conflict):
    """The confirmed count is not the count any more. The response names the new one."""

    def __init__(self, count: int, confirmed: int) -> None:
        super().__init__(f"{count} match by now, not {confirmed}. Confirm the new count.")
        self.count = count

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope with the new `count`."""
        return {**super().response_body(), "count": self.count}


@dataclass(frozen=True)
class JobRequest:
    """A job as somebody asks for it. `rate` is in items a second, None for as fast as workers can.

    `as_of` is when its rows were counted: those that come to match later are left alone.
    """

    kind: JobKind
    filters: dict[str, Any] = field(default_factory=dict)
    rate: int | None = None
    reason: str | None = None
    with_automations: bool = True
    changes: Sequence[PayloadChange] | None = None
    as_of: datetime | None = None


async def confirm_job(
    connection: Connection, workspace_id: int, request: JobRequest, confirmed: int, author: ChangeAuthor
) -> int:
    """Create a job for the rows that matched at `as_of` and match still, and return its id. Raises CountMoved.

    Without `as_of` it takes those that match now, if they are as many as were confirmed. The set is taken in one
    statement: whatever comes to match later is left alone.
    """
    await connection.execute(RAISE_TIMEOUT_SQL)
    await _check_count(connection, workspace_id, request, confirmed)  # before anything is written
    values = (
        workspace_id,
        request.kind,
        as_json(dict(request.filters)),
        as_json(request.changes) if request.changes else None,
        request.with_automations,
        request.reason,
        as_json(author.to_json()),
        request.rate,
    )
    row = await (await connection.execute(ADD_JOB_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  # the statement returns what it inserts
    job_id = int(row[0])
    most = confirmed if request.as_of else None
    stored = await store_targets(connection, request.kind, workspace_id, job_id, request.filters, request.as_of, most)
    if stored != confirmed and request.as_of is None:
        raise CountMoved(stored, confirmed)
    await connection.execute(SET_TOTAL_SQL, (stored, workspace_id, job_id))
    return job_id


async def _check_count(connection: Connection, workspace_id: int, request: JobRequest, confirmed: int) -> None:
    """Raise CountMoved if another set was confirmed.

    A row is decided at the start of its transaction and seen at its end. So a few may match as of then that were not
    counted, because they were under way. These are left out; a set that was larger already is another one.
    """
    as_of = request.as_of
    count = await count_targets(connection, request.kind, workspace_id, request.filters, as_of)
    if as_of is not None and count > confirmed:
        settled = as_of - UNDER_WAY_TIME
        is_moved = await count_targets(connection, request.kind, workspace_id, request.filters, settled) > confirmed
    else:
        is_moved = as_of is None and count != confirmed
    if is_moved:
        raise CountMoved(count, confirmed)


async def read_job(connection: Connection, workspace_id: int, job_id: int) -> JobRow:
    """Return a job. Raises NotFound."""
    row = await (await connection.execute(f"{READ_JOBS_SQL} AND id = %s", (workspace_id, job_id))).fetchone()
    if row is None:
        raise NotFound
    return dict(zip(JOB_COLUMNS, row, strict=True))


async def count_active_jobs(connection: Connection, workspace_id: int) -> int:
    """Return how many jobs run or are about to."""
    row = await (await connection.execute(COUNT_ACTIVE_SQL, (workspace_id,))).fetchone()
    return int(row[0]) if row else 0


async def list_recently_ended(connection: Connection, workspace_id: int, seconds: float) -> list[EndedJob]:
    """Return jobs of users that ended in the last seconds, the last one first, 20 at most."""
    rows = await (await connection.execute(RECENTLY_ENDED_SQL, (workspace_id, seconds))).fetchall()
    return [EndedJob(*row) for row in rows]


async def set_job_rate(connection: Connection, workspace_id: int, job_id: int, rate: int | None) -> None:
    """Change the rate of a job that has not ended; None is as fast as workers can. Raises NotFound and Conflict."""
    await _change_job(connection, SET_RATE_SQL, (rate, workspace_id, job_id))


async def pause_job(connection: Connection, workspace_id: int, job_id: int) -> None:
    """Stop taking chunks of a job until it is resumed. Raises NotFound and Conflict."""
    await _change_job(connection, PAUSE_JOB_SQL, (workspace_id, job_id))


async def resume_job(connection: Connection, workspace_id: int, job_id: int) -> None:
    """Let a paused job go on. Raises NotFound and Conflict."""
    await _change_job(connection, RESUME_JOB_SQL, (workspace_id, job_id))


async def cancel_job(connection: Connection, workspace_id: int, job_id: int) -> None:
    """End a job; its remaining rows stay as they are. Raises NotFound and Conflict."""
    await _change_job(connection, CANCEL_JOB_SQL, (workspace_id, job_id))
    await notify_followers(connection, workspace_id, job_id)


async def _change_job(connection: Connection, statement: str, values: tuple[Any, ...]) -> None:
    if (await connection.execute(statement, values)).rowcount:
        return
    job = await read_job(connection, values[-2], values[-1])
    raise Conflict(f"The job is {job['state']}: it has ended.")
