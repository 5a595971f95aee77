"""Handlers of job items: each kind of job does its work for a chunk of items in the engine's transaction."""

import uuid
from collections.abc import Mapping, Sequence

from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemHandler, ItemOutcome
from services.workers.jobs.lead_items import delete_leads, edit_leads
from services.workers.jobs.score_items import count_scores
from services.workers.jobs.stage_items import empty_stage
from shared.intake.change_author import ChangeAuthor
from shared.intake.payload_changes import changed_payload
from shared.intake.replay import (
    ReplayableState,
    ReplayOptions,
    SubmissionRef,
    reasons_not_taken,
    reject_submissions,
    replay_submissions,
)
from shared.outbound.resending import reasons_not_resent, resend_deliveries
from shared.platform.db.connections import Connection


async def _replay_items(
    connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem], state: ReplayableState
) -> list[ItemOutcome]:
    changes = job.changes
    options = ReplayOptions(
        state,
        ChangeAuthor(**job.created_by),
        job.reason,
        job.with_automations,
        (lambda payload: changed_payload(payload, changes)) if changes else None,
    )
    outcome = await replay_submissions(connection, job.workspace_id, _references(items), options)
    handled = outcome.taken | outcome.failed.keys()
    remaining = [item for item in items if item.submission_id not in handled]
    reasons = await reasons_not_taken(connection, job.workspace_id, _references(remaining))
    failed = [
        ItemOutcome(item.id, "failed", outcome.failed[item.submission_id])
        for item in items
        if item.submission_id in outcome.failed
    ]
    return [*_outcomes(items, outcome.taken), *failed, *_skipped(remaining, reasons)]


async def replay_items(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Return dead submissions to the journal."""
    return await _replay_items(connection, job, items, "dead")


async def release_items(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Return held submissions to the journal."""
    return await _replay_items(connection, job, items, "quarantined")


async def reject_items(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Confirm that held submissions are spam."""
    handled = await reject_submissions(connection, job.workspace_id, _references(items))
    left = [item for item in items if item.submission_id not in handled]
    reasons = await reasons_not_taken(connection, job.workspace_id, _references(left))
    return [*_outcomes(items, handled), *_skipped(left, reasons)]


async def resend_items(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Send deliveries again."""
    handled = await resend_deliveries(connection, job.workspace_id, [item.delivery_id for item in items])
    remaining = [item for item in items if item.delivery_id not in handled]
    reasons = await reasons_not_resent(connection, job.workspace_id, [item.delivery_id for item in remaining])
    done = [ItemOutcome(item.id, "done") for item in items if item.delivery_id in handled]
    return [*done, *(ItemOutcome(item.id, "skipped", reasons[item.delivery_id]) for item in remaining)]


def _references(items: Sequence[ClaimedItem]) -> list[SubmissionRef]:
    return [SubmissionRef(item.submission_id, item.received_at) for item in items]


def _outcomes(items: Sequence[ClaimedItem], taken: set[uuid.UUID]) -> list[ItemOutcome]:
    return [ItemOutcome(item.id, "done") for item in items if item.submission_id in taken]


def _skipped(items: Sequence[ClaimedItem], reasons: Mapping[uuid.UUID, str]) -> list[ItemOutcome]:
    return [ItemOutcome(item.id, "skipped", reasons[item.submission_id]) for item in items]


# Other kinds of jobs add their handler here.
ITEM_HANDLERS: dict[str, ItemHandler] = {
    "replay": replay_items,
    "release": release_items,
    "reject": reject_items,
    "deliveries": resend_items,
    "edit": edit_leads,
    "delete": delete_leads,
    "stage_removal": empty_stage,
    "rescore": count_scores,
}
