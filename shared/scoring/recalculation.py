"""Counting the scores of all leads again, as a job: the rules' part follows the rules as they are then."""

from collections.abc import Sequence
from datetime import datetime

from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import JobRequest, confirm_job
from shared.jobs.job_kinds import RESCORE_KIND
from shared.jobs.job_targets import read_clock
from shared.leads import reference_locks
from shared.leads.identities import lock_leads
from shared.leads.lead_records import read_leads
from shared.leads.writes import ChangeCause, LeadChange, change_leads
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.scoring.lead_points import read_points, store_points
from shared.scoring.rule_management import active_rules, list_rules
from shared.scoring.score_points import points_for

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


async def rescore_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[int], *, is_quiet: bool
) -> dict[int, tuple[int, int]]:
    """Give leads the points of the rules as they are now. Return the score of each before and after.

    A lead that is gone is missing.
    """
    await reference_locks.lock_shared(connection, [workspace_id])
    keys = [(workspace_id, id_) for id_ in lead_ids]
    present = list(await lock_leads(connection, keys, ("workspace_id", "id")))
    rules = active_rules(await list_rules(connection, workspace_id))
    leads, stored = await read_leads(connection, present), await read_points(connection, present)
    scores = {key: (stored.get(key, 0), points_for(rules, leads[key])) for key in present}
    changed = {key: (before, after) for key, (before, after) in scores.items() if before != after}
    await store_points(connection, [(*key, after) for key, (_, after) in sorted(changed.items())])
    cause = ChangeCause("scoring", None)
    changes = [
        LeadChange(*key, cause=cause, add_score=after - before, is_quiet=is_quiet)
        for key, (before, after) in changed.items()
    ]
    await change_leads(connection, changes)
    totals = {key: lead["lead_score"] for key, lead in leads.items()}
    return {key[1]: (totals[key], totals[key] + after - before) for key, (before, after) in scores.items()}
