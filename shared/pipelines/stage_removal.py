"""A stage is removed once its leads have another one: at once, or as a job if there are many.

The job moves chunk after chunk, and its last chunk removes the stage. Leads that somebody moved elsewhere meanwhile
stay there; those that came into the stage meanwhile are moved with the last chunk.
"""

from typing import Any

from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import CountMoved, JobRequest, confirm_job
from shared.jobs.job_kinds import REMOVAL_KIND
from shared.jobs.job_targets import read_clock
from shared.leads import reference_locks
from shared.leads.shown_counts import has_moved
from shared.pipelines.pipeline_management import lock_board
from shared.pipelines.pipeline_reads import StageRow, count_leads_in_stages, find_stage
from shared.pipelines.stage_emptying import MAX_MOVED_AT_ONCE, cause_of, finish_removal
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed

ANY_COUNT = 2**62  # a number that no stage reaches
NO_TARGET_ERRORS = {"to": ["The to field must be another stage of the same pipeline."]}
BEING_REMOVED_MESSAGE = "Job {job} moves leads out of one of the two stages, or into it: wait until it has ended."

# A row for each removal that has not ended, also while it is paused.
RUNNING_REMOVALS_SQL = f"""
SELECT id, (filter->>'stage_id')::bigint, (changes->0->>'value')::bigint FROM jobs
WHERE workspace_id = %s AND kind = '{REMOVAL_KIND}' AND finished_at IS NULL
"""


async def remove_stage(
    connection: Connection,
    workspace_id: int,
    pipeline_id: int,
    id_: int,
    *,
    to: int | None = None,
    author: ChangeAuthor,
    shown: int | None = None,
) -> int | None:
    """Remove a stage after its leads were moved to the stage `to`. Return the job that does it if they are many.

    Raises NotFound, ValidationFailed for a `to` that is no other stage of the pipeline, StageHoldsLeads without one,
    CountMoved if other leads are in it than were shown, and Conflict while a job moves leads of one of the two.
    """
    await lock_board(connection, workspace_id)
    await find_stage(connection, workspace_id, pipeline_id, id_)
    target = await _find_target(connection, workspace_id, pipeline_id, id_, to)
    await _check_no_removal(connection, workspace_id, {id_, to})
    count = (await count_leads_in_stages(connection, workspace_id, [id_])).get(id_, 0)
    if target and count > MAX_MOVED_AT_ONCE:
        _check_shown(shown, count)
        return await _start_removal(connection, workspace_id, id_, target, author)
    await reference_locks.lock_exclusive(connection, workspace_id)
    count = (await count_leads_in_stages(connection, workspace_id, [id_])).get(id_, 0)
    _check_shown(shown, count)
    await finish_removal(connection, workspace_id, id_, to, cause_of(author))
    return None


def _check_shown(shown: int | None, count: int) -> None:
    if shown is not None and has_moved(shown, count):
        raise CountMoved(count, shown)


async def read_running_removals(connection: Connection, workspace_id: int) -> dict[int, int]:
    """Return the jobs that have not ended, by the stage that they remove."""
    rows = await (await connection.execute(RUNNING_REMOVALS_SQL, (workspace_id,))).fetchall()
    return {stage: job for job, stage, _ in rows}


async def _start_removal(
    connection: Connection, workspace_id: int, id_: int, target: StageRow, author: ChangeAuthor
) -> int:
    """Start the job. It takes all that are in the stage at this moment."""
    moved: Any = {"op": "set", "field": "pipeline_stage_id", "value": target["id"], "label": target["name"]}
    request = JobRequest(
        REMOVAL_KIND,
        {"stage_id": id_},
        with_automations=False,
        changes=[moved],
        as_of=await read_clock(connection),
    )
    return await confirm_job(connection, workspace_id, request, ANY_COUNT, author)


async def _find_target(
    connection: Connection, workspace_id: int, pipeline_id: int, id_: int, to: int | None
) -> StageRow | None:
    if to is None:
        return None
    try:
        target = await find_stage(connection, workspace_id, pipeline_id, to)
    except NotFound:
        raise ValidationFailed(NO_TARGET_ERRORS) from None
    if to == id_:
        raise ValidationFailed(NO_TARGET_ERRORS)
    return target


async def _check_no_removal(connection: Connection, workspace_id: int, stages: set[int | None]) -> None:
    rows = await (await connection.execute(RUNNING_REMOVALS_SQL, (workspace_id,))).fetchall()
    for job, stage, to in rows:
        if {stage, to} & stages:
            raise Conflict(BEING_REMOVED_MESSAGE.format(job=job))
