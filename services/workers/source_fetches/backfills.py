"""Jobs of the kind `backfill`: page after page of a provider's list, each page one transaction.

No transaction is open while the provider is asked. A job that was paused or cancelled meanwhile takes nothing of the
page; one whose worker died asks for the page again when its lease ends.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.workers.source_fetches.fetch_outcomes import retry_pause
from services.workers.source_fetches.fetch_records import show_problem
from services.workers.source_fetches.fetching_integrations import IntegrationKey
from services.workers.source_fetches.listed_leads import ListedLead, store_listed
from shared.intake.journal import Lane
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_fetching import FetchedPage, FetchProblem, ListWindow
from shared.jobs.job_followers import notify_followers
from shared.platform.db.connections import Connection, as_json
from shared.platform.observability import logging

log = logging.get_logger()

LEASE_SECONDS = 60  # seconds
MAX_PAGE_TRIES = 20  # tries of a page, over hours, after which a job has failed
KNOWN_LEAD_REASON = "It is known already."
NO_INTEGRATION_REASON = "The integration was deleted."

CLAIM_BACKFILL_SQL = f"""
UPDATE jobs j SET due_at = clock_timestamp() + interval '{LEASE_SECONDS} s',
                  started_at = coalesce(j.started_at, now()), state = 'running'
FROM (SELECT workspace_id, id FROM jobs
      WHERE kind = 'backfill' AND state = ANY (ARRAY['queued', 'running'])
        AND due_at <= now() - make_interval(secs => %s)
      ORDER BY served_at NULLS FIRST, due_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
WHERE j.workspace_id = due.workspace_id AND j.id = due.id
RETURNING j.workspace_id, j.id, j.filter, j.cursor, j.position, j.rate, j.created_at
"""
# The job may have been paused or cancelled, or taken by another worker after the lease ended.
LOCK_BACKFILL_SQL = """
SELECT position FROM jobs WHERE workspace_id = %s AND id = %s AND state = 'running' FOR UPDATE
"""
ADD_ITEMS_SQL = """
INSERT INTO job_items (workspace_id, job_id, id, submission_id, received_at, outcome, error, handled_at)
SELECT %s, %s, i.n, i.id, to_timestamp(i.at / 1000.0), i.outcome, i.error, clock_timestamp()
FROM json_to_recordset(%s::json) AS i(n bigint, id uuid, at bigint, outcome text, error text)
"""
ADVANCE_BACKFILL_SQL = """
UPDATE jobs SET position = position + %(handled)s, done = done + %(done)s, skipped = skipped + %(skipped)s,
    total = position + %(handled)s + %(remaining)s, cursor = %(cursor)s::jsonb, error = NULL,
    served_at = clock_timestamp(), due_at = clock_timestamp() + make_interval(secs => %(pause)s),
    state = CASE WHEN %(ends)s THEN 'done' ELSE state END,
    finished_at = CASE WHEN %(ends)s THEN clock_timestamp() END
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
POSTPONE_BACKFILL_SQL = """
UPDATE jobs SET error = %s, cursor = %s::jsonb, served_at = clock_timestamp(),
                due_at = clock_timestamp() + make_interval(secs => %s)
WHERE workspace_id = %s AND id = %s AND state = 'running'
"""
FAIL_BACKFILL_SQL = """
UPDATE jobs SET state = 'failed', error = %s, finished_at = clock_timestamp()
WHERE workspace_id = %s AND id = %s AND state = ANY (ARRAY['queued', 'running'])
"""


class ClaimedBackfill(NamedTuple):
    """A job that belongs to this process until its lease ends. `cursor` is `{"list", "tries"}`, or null at first."""

    workspace_id: int
    id: int
    filter: dict[str, Any]
    cursor: dict[str, Any] | None
    position: int
    rate: int | None
    created_at: datetime

    @property
    def integration_key(self) -> IntegrationKey:
        return self.workspace_id, int(self.filter["integration_id"])

    @property
    def window(self) -> ListWindow:
        """The time of the wanted leads: up to the moment when the job was made."""
        since = datetime.fromisoformat(self.filter["since"])
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        return ListWindow(since.timestamp(), self.created_at.timestamp())

    @property
    def list_cursor(self) -> dict[str, Any] | None:
        return self.cursor["list"] if self.cursor else None


async def claim_backfill(connection: Connection, *, overdue: float = 0.0) -> ClaimedBackfill | None:
    """Claim the backfill whose turn it is. Committed."""
    row = await (await connection.execute(CLAIM_BACKFILL_SQL, (overdue,))).fetchone()
    return ClaimedBackfill(*row) if row else None


async def record_backfill(
    connection: Connection,
    job: ClaimedBackfill,
    integration: ReceivingIntegration | None,
    answer: FetchedPage | FetchProblem,
) -> bool:
    """Store a page, or note why there is none. Return whether leads went to the journal. Committed."""
    if integration is None:
        async with connection.transaction():
            await _fail(connection, job, NO_INTEGRATION_REASON)
        return False
    if isinstance(answer, FetchProblem):
        await _record_problem(connection, job, answer)
        return False
    async with connection.transaction():
        locked = await (await connection.execute(LOCK_BACKFILL_SQL, (job.workspace_id, job.id))).fetchone()
        if locked is None or locked[0] != job.position:
            return False
        leads = await store_listed(connection, integration, answer.events, Lane.BULK)
        await _add_items(connection, job, leads)
        await _advance(connection, job, answer, leads)
        await show_problem(connection, integration.workspace_id, integration.id, None)
    log.info("backfill.page", job_id=job.id, leads=len(leads), new=sum(lead.is_new for lead in leads))
    return any(lead.is_new for lead in leads)


async def _add_items(connection: Connection, job: ClaimedBackfill, leads: Sequence[ListedLead]) -> None:
    rows = [
        {
            "n": job.position + number,
            "id": lead.item.id,
            "at": lead.item.received_at,
            "outcome": "done" if lead.is_new else "skipped",
            "error": None if lead.is_new else KNOWN_LEAD_REASON,
        }
        for number, lead in enumerate(leads, 1)
    ]
    await connection.execute(ADD_ITEMS_SQL, (job.workspace_id, job.id, as_json(rows)))


async def _advance(
    connection: Connection, job: ClaimedBackfill, page: FetchedPage, leads: Sequence[ListedLead]
) -> None:
    done = sum(lead.is_new for lead in leads)
    progress = {
        "handled": len(leads),
        "done": done,
        "skipped": len(leads) - done,
        "remaining": (page.remaining or 1) if page.cursor else 0,  # at least one, so that it does not look finished
        "cursor": as_json({"list": page.cursor, "tries": 0}),
        "pause": len(leads) / job.rate if job.rate else 0.0,
        "ends": page.cursor is None,
        "workspace": job.workspace_id,
        "id": job.id,
    }
    await connection.execute(ADVANCE_BACKFILL_SQL, progress)
    if page.cursor is None:
        await notify_followers(connection, job.workspace_id, job.id)


async def _record_problem(connection: Connection, job: ClaimedBackfill, problem: FetchProblem) -> None:
    tries = (job.cursor["tries"] if job.cursor else 0) + 1
    log.warning("backfill.problem", job_id=job.id, problem=problem.kind, tries=tries)
    async with connection.transaction():
        if problem.kind in ("token", "version"):
            await show_problem(connection, *job.integration_key, problem.sentence)
        if problem.kind not in ("temporary", "rate_limited") or tries >= MAX_PAGE_TRIES:
            await _fail(connection, job, problem.sentence)
            return
        cursor = as_json({"list": job.list_cursor, "tries": tries if problem.kind == "temporary" else tries - 1})
        pause = max(problem.retry_after or 0.0, retry_pause(tries) if problem.kind == "temporary" else 1.0)
        values = (problem.sentence, cursor, pause, job.workspace_id, job.id)
        await connection.execute(POSTPONE_BACKFILL_SQL, values)


async def _fail(connection: Connection, job: ClaimedBackfill, reason: str) -> None:
    if (await connection.execute(FAIL_BACKFILL_SQL, (reason, job.workspace_id, job.id))).rowcount:
        await notify_followers(connection, job.workspace_id, job.id)
