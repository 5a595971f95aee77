"""A stage is removed once its leads have another one: at once, or as a job if there are many.

The job moves chunk after chunk, and its last chunk removes the stage. Leads that somebody moved elsewhere meanwhile
stay there; those that came into the stage meanwhile are moved with the last chunk.
"""

from collections.abc import Sequence
from typing import Any

from shared.forms.placement_references import clear_placement, replace_placement
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import CountMoved, JobRequest, confirm_job
from shared.jobs.job_kinds import REMOVAL_KIND
from shared.jobs.job_targets import read_clock
from shared.leads import reference_locks
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads
from shared.pipelines.pipeline_management import close_gaps, lock_board
from shared.pipelines.pipeline_reads import StageRow, count_leads_in_stages, find_stage
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed

MAX_MOVED_AT_ONCE = 1000  # leads that a removal moves without a job
ANY_COUNT = 2**62  # a number that no stage reaches
NO_TARGET_ERRORS = {"to": ["The to field must be another stage of the same pipeline."]}
BEING_REMOVED_MESSAGE = "Job {job} moves leads out of one of the two stages, or into it: wait until it has ended."
TARGET_GONE_MESSAGE = "The stage that the leads go to is not there any more."

LEADS_IN_STAGE_SQL = """
SELECT id FROM leads WHERE workspace_id = %s AND pipeline_stage_id = %s ORDER BY id LIMIT %s
"""
DELETE_STAGE_SQL = "DELETE FROM pipeline_stages WHERE workspace_id = %s AND id = %s RETURNING pipeline_id"
# A row for each removal that has not ended, also while it is paused.
RUNNING_REMOVALS_SQL = f"""
SELECT id, (filter->>'stage_id')::bigint, (changes->0->>'value')::bigint FROM jobs
WHERE workspace_id = %s AND kind = '{REMOVAL_KIND}' AND finished_at IS NULL
"""


class StageHoldsLeads(Conflict):
    """The stage has leads, and nothing says where they go. The response names their number."""

    def __init__(self, count: int) -> None:
        super().__init__(f"The stage has {count} leads: say with `to` which stage they go to.")
        self.count = count

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope with the `count`."""
        return {**super().response_body(), "count": self.count}


async def remove_stage(
    connection: Connection,
    workspace_id: int,
    pipeline_id: int,
    id_: int,
    *,
    to: int | None = None,
    author: ChangeAuthor,
    confirmed: int | None = None,
) -> int | None:
    """Remove a stage after its leads were moved to the stage `to`. Return the job that does it if they are many.

    Raises NotFound, ValidationFailed for a `to` that is no other stage of the pipeline, StageHoldsLeads without one,
    CountMoved if not so many leads are in it as were confirmed, and Conflict while a job moves leads of one of the two.
    """
    await lock_board(connection, workspace_id)
    await find_stage(connection, workspace_id, pipeline_id, id_)
    target = await _find_target(connection, workspace_id, pipeline_id, id_, to)
    await _check_no_removal(connection, workspace_id, {id_, to})
    count = (await count_leads_in_stages(connection, workspace_id, [id_])).get(id_, 0)
    if target and count > MAX_MOVED_AT_ONCE:
        return await _start_removal(connection, workspace_id, id_, target, author, confirmed)
    await reference_locks.lock_exclusive(connection, workspace_id)
    count = (await count_leads_in_stages(connection, workspace_id, [id_])).get(id_, 0)
    if confirmed is not None and count != confirmed:
        raise CountMoved(count, confirmed)
    await finish_removal(connection, workspace_id, id_, to, cause_of(author))
    return None


async def move_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[int], *, from_stage: int, to: int, cause: ChangeCause
) -> set[int]:
    """Move those leads that are still in a stage to another, quietly. Return the ids of those that stayed."""
    wanted, expected = {"pipeline_stage_id": to}, {"pipeline_stage_id": from_stage}
    changes = [
        LeadChange(workspace_id, id_, cause=cause, set_fields=wanted, expected=expected, is_quiet=True)
        for id_ in lead_ids
    ]
    return {refused.change.lead_id for refused in await change_leads(connection, changes)}


async def finish_removal(
    connection: Connection, workspace_id: int, id_: int, to: int | None, cause: ChangeCause
) -> None:
    """Move the last leads of a stage, and delete it. The caller holds the exclusive reference lock.

    Raises NotFound, StageHoldsLeads, and Conflict if the other stage is gone, or if more leads than one transaction
    moves have come in.
    """
    values = (workspace_id, id_, MAX_MOVED_AT_ONCE + 1)
    lead_ids = [row[0] for row in await (await connection.execute(LEADS_IN_STAGE_SQL, values)).fetchall()]
    if lead_ids and to is None:
        counted = await count_leads_in_stages(connection, workspace_id, [id_])
        raise StageHoldsLeads(max(counted.get(id_, 0), len(lead_ids)))
    if len(lead_ids) > MAX_MOVED_AT_ONCE:
        raise Conflict("Too many leads came into the stage meanwhile: remove it again.")
    if to is None:
        await _delete_stage(connection, workspace_id, id_)
        await clear_placement(connection, workspace_id, "pipeline_stage_id", id_)
        return
    await _expect_stage(connection, workspace_id, to)
    await move_leads(connection, workspace_id, lead_ids, from_stage=id_, to=to, cause=cause)
    await _delete_stage(connection, workspace_id, id_)
    await replace_placement(connection, workspace_id, "pipeline_stage_id", id_, to)


async def read_running_removals(connection: Connection, workspace_id: int) -> dict[int, int]:
    """Return the jobs that have not ended, by the stage that they remove."""
    rows = await (await connection.execute(RUNNING_REMOVALS_SQL, (workspace_id,))).fetchall()
    return {stage: job for job, stage, _ in rows}


def cause_of(author: ChangeAuthor) -> ChangeCause:
    """Return an author as the timeline names them."""
    return ChangeCause("user" if author.kind == "user" else "api", author.id)


async def _start_removal(
    connection: Connection, workspace_id: int, id_: int, target: StageRow, author: ChangeAuthor, confirmed: int | None
) -> int:
    """Start the job. Without a confirmed number it takes all that are in the stage at this moment."""
    moved: Any = {"op": "set", "field": "pipeline_stage_id", "value": target["id"], "label": target["name"]}
    request = JobRequest(
        REMOVAL_KIND,
        {"stage_id": id_},
        with_automations=False,
        changes=[moved],
        as_of=await read_clock(connection) if confirmed is None else None,
    )
    return await confirm_job(connection, workspace_id, request, ANY_COUNT if confirmed is None else confirmed, author)


async def _delete_stage(connection: Connection, workspace_id: int, id_: int) -> None:
    row = await (await connection.execute(DELETE_STAGE_SQL, (workspace_id, id_))).fetchone()
    if row is None:
        raise NotFound
    await close_gaps(connection, workspace_id, row[0])
    await reference_locks.clear_reference(connection, workspace_id, "stage", id_)


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


async def _expect_stage(connection: Connection, workspace_id: int, id_: int) -> None:
    try:
        await find_stage(connection, workspace_id, None, id_)
    except NotFound:
        raise Conflict(TARGET_GONE_MESSAGE) from None


async def _check_no_removal(connection: Connection, workspace_id: int, stages: set[int | None]) -> None:
    rows = await (await connection.execute(RUNNING_REMOVALS_SQL, (workspace_id,))).fetchall()
    for job, stage, to in rows:
        if {stage, to} & stages:
            raise Conflict(BEING_REMOVED_MESSAGE.format(job=job))
