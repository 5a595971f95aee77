"""The job that counts the scores of all leads again, as it is started and listed."""

from datetime import datetime

from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import JobRequest, confirm_job
from shared.jobs.job_kinds import RESCORE_KIND
from shared.jobs.job_targets import read_clock
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict

ANY_COUNT = 2**62  # a number that no workspace reaches
RUNNING_MESSAGE = "Job {job} counts the scores already: wait until it has ended, or cancel it."

LOCK_WORKSPACE_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
RUNNING_SQL = f"""
SELECT id FROM jobs WHERE workspace_id = %s AND kind = '{RESCORE_KIND}' AND finished_at IS NULL ORDER BY id DESC LIMIT 1
"""
RECENT_SQL = f"""
SELECT id, state, total, done + skipped, failed, created_at, finished_at FROM jobs
WHERE workspace_id = %s AND kind = '{RESCORE_KIND}' ORDER BY id DESC LIMIT 5
"""
# The newest requests that steer are looked at, so that the question costs the same however old the count is.
LOOKED_AT_ENTRIES = 10_000
DELETED_RULES_SQL = f"""
SELECT EXISTS (SELECT FROM (
    SELECT action, outcome FROM audit_log WHERE workspace_id = %s AND at > %s ORDER BY id DESC LIMIT {LOOKED_AT_ENTRIES}
) newest WHERE action = 'scoring_rule.deleted' AND outcome = 'done')
"""
RecentJob = tuple[int, str, int, int, int, datetime, datetime | None]


async def start_recalculation(
    connection: Connection, workspace_id: int, author: ChangeAuthor, *, with_automations: bool = False
) -> int:
    """Return the id of the job that scores all leads again. Raises Conflict while one runs."""
    await connection.execute(LOCK_WORKSPACE_SQL, (workspace_id,))
    running = await (await connection.execute(RUNNING_SQL, (workspace_id,))).fetchone()
    if running:
        raise Conflict(RUNNING_MESSAGE.format(job=running[0]))
    request = JobRequest(RESCORE_KIND, with_automations=with_automations, as_of=await read_clock(connection))
    return await confirm_job(connection, workspace_id, request, ANY_COUNT, author)


async def list_recalculations(connection: Connection, workspace_id: int) -> list[RecentJob]:
    """Return the last jobs that scored all leads again."""
    return list(await (await connection.execute(RECENT_SQL, (workspace_id,))).fetchall())


async def has_deleted_rules(connection: Connection, workspace_id: int, since: datetime) -> bool:
    """Return whether a rule was deleted after a moment, as the newest entries of the audit log tell it."""
    row = await (await connection.execute(DELETED_RULES_SQL, (workspace_id, since))).fetchone()
    return bool(row and row[0])
