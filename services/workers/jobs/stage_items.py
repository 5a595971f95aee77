"""The job that removes a stage: it moves the stage's leads to another, and its last chunk deletes the stage."""

from collections.abc import Sequence

from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemOutcome
from shared.intake.change_author import ChangeAuthor
from shared.leads import reference_locks
from shared.pipelines.stage_emptying import cause_of, finish_removal, move_leads
from shared.platform.db.connections import Connection

ELSEWHERE_MESSAGE = "It was not in the stage any more."


async def empty_stage(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Move leads that are still in the stage. Those that somebody moved elsewhere meanwhile stay there."""
    stage, to = job.filter["stage_id"], (job.changes or [{}])[0].get("value")
    is_last = bool(items) and items[-1].id >= job.total
    if is_last:  # before the shared lock, which cannot become exclusive without a deadlock
        await reference_locks.lock_exclusive(connection, job.workspace_id)
    cause = cause_of(ChangeAuthor(**job.created_by))
    lead_ids = [item.lead_id for item in items]
    stayed = await move_leads(connection, job.workspace_id, lead_ids, from_stage=stage, to=to, cause=cause)
    if is_last:
        await finish_removal(connection, job.workspace_id, stage, to, cause)
    return [
        ItemOutcome(item.id, "skipped", ELSEWHERE_MESSAGE) if item.lead_id in stayed else ItemOutcome(item.id, "done")
        for item in items
    ]
