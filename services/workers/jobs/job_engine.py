"""The engine of jobs: it takes chunk after chunk of the jobs that are due.

A chunk is one transaction: it locks the job, handles the next items, notes their outcomes and how far the job came. A
process that dies leaves no trace of its chunk, and another takes it. Several processes work on several jobs at once.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.workers.batches.bisection import isolate_failures
from services.workers.jobs.item_handlers import ITEM_HANDLERS
from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemHandler, ItemOutcome
from shared.intake.journal import Lane
from shared.jobs.job_followers import notify_followers
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

JOB_CHUNK_SIZE = 200  # items in one transaction
CHUNKS_PER_SECOND = 5  # of a job with a rate, so that a new rate is felt at once
MAX_BULK_ROWS = 50  # journal rows of the bulk lane beyond which replays wait: a cancelled job then leaves its rest
MAX_CHUNK_TRIES = 5  # tries of a chunk under contention
FAILED_CHUNK_PAUSE_SECONDS = 5  # seconds before a chunk that failed as a whole is tried again

# Replays wait while the bulk lane is full. Then workspaces take turns, and so do the jobs of one workspace.
_DUE_JOBS_SQL = f"""
FROM jobs j
WHERE j.state = ANY (ARRAY['queued', 'running']) AND j.due_at <= clock_timestamp() - make_interval(secs => %(overdue)s)
  AND j.kind = ANY(%(kinds)s) AND (%(only)s::bigint[] IS NULL OR j.id = ANY(%(only)s))
  AND (j.kind NOT IN ('replay', 'release') OR %(backlog)s < 0 OR %(backlog)s >= (
       SELECT count(*) FROM (SELECT FROM journal WHERE lane = {Lane.BULK:d} LIMIT {MAX_BULK_ROWS + 1}) waiting))
"""
HAS_DUE_SQL = f"SELECT EXISTS (SELECT {_DUE_JOBS_SQL})"  # constants only
CLAIM_JOB_SQL = f"""
SELECT j.workspace_id, j.id, j.kind, j.rate, j.position, j.total, j.changes, j.with_automations, j.reason, j.created_by,
    j.filter
{_DUE_JOBS_SQL}
ORDER BY (SELECT max(o.served_at) FROM jobs o WHERE o.workspace_id = j.workspace_id
          AND o.state = ANY (ARRAY['queued', 'running'])) NULLS FIRST, j.served_at NULLS FIRST, j.due_at, j.id
LIMIT 1 FOR UPDATE OF j SKIP LOCKED
"""
READ_ITEMS_SQL = """
SELECT id, submission_id, received_at, delivery_id, lead_id, effect FROM job_items
WHERE workspace_id = %s AND job_id = %s AND id > %s ORDER BY id LIMIT %s
"""
# The range keeps the plan to one part of the index, also before a large job's items were analyzed.
NOTE_OUTCOMES_SQL = """
UPDATE job_items i SET outcome = o.outcome, error = o.error, effect = coalesce(o.effect, i.effect),
    handled_at = clock_timestamp()
FROM json_to_recordset(%s::json) AS o(id bigint, outcome text, error text, effect jsonb)
WHERE i.workspace_id = %s AND i.job_id = %s AND i.id = o.id AND i.id BETWEEN %s AND %s
"""
# A job with a rate may catch up on half a second, since nobody looks exactly when it becomes due.
ADVANCE_JOB_SQL = """
UPDATE jobs SET position = %(position)s, done = done + %(done)s, failed = failed + %(failed)s,
    skipped = skipped + %(skipped)s, error = NULL, started_at = coalesce(started_at, now()),
    served_at = clock_timestamp(),
    due_at = CASE WHEN rate IS NULL THEN clock_timestamp()
        ELSE greatest(due_at, clock_timestamp() - interval '0.5 s')
             + make_interval(secs => %(taken)s::float8 / rate) END,
    state = CASE WHEN %(position)s >= total THEN 'done' ELSE 'running' END,
    finished_at = CASE WHEN %(position)s >= total THEN clock_timestamp() END
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
POSTPONE_JOB_SQL = f"""
UPDATE jobs SET error = %s, due_at = now() + interval '{FAILED_CHUNK_PAUSE_SECONDS} s', served_at = clock_timestamp()
WHERE workspace_id = %s AND id = %s AND state = ANY (ARRAY['queued', 'running'])
"""


BetweenChunks = Callable[[Connection], Awaitable[None]]  # lets ingest continue between two chunks


async def serve_nobody(connection: Connection) -> None:
    """Do nothing: no caller waits for this process."""


class JobEngine:
    """Runs jobs in one process. `stopping` returns whether the process was asked to end."""

    def __init__(
        self, stopping: Callable[[], bool] = lambda: False, handlers: Mapping[str, ItemHandler] = ITEM_HANDLERS
    ) -> None:
        self._stopping = stopping
        self._handlers = handlers
        self.has_replayed = False  # whether it wrote journal rows; the caller resets it

    async def has_due(self, connection: Connection, *, overdue: float = 0.0) -> bool:
        """Return whether a job has been due for over `overdue` seconds."""
        row = await (await connection.execute(HAS_DUE_SQL, self._selection(None, overdue, MAX_BULK_ROWS))).fetchone()
        return bool(row and row[0])

    async def run(self, connection: Connection, *, seconds: float, between: BetweenChunks = serve_nobody) -> bool:
        """Run chunks for about this long, and `between` after each. Return whether nothing was due any more."""
        end = time.monotonic() + seconds
        while not self._stopping():
            if not await self.run_chunk(connection):
                return True
            await between(connection)
            if time.monotonic() >= end:
                return False
        return True

    async def run_chunk(
        self, connection: Connection, *, only: Sequence[int] | None = None, backlog: int = MAX_BULK_ROWS
    ) -> bool:
        """Run one chunk of the job whose turn it is; `only` of these jobs. Return whether there was one.

        `backlog` is the number of journal rows beyond which replays wait; a negative one lets them never wait.
        """
        selection = self._selection(only, 0.0, backlog)
        claimed: list[ClaimedJob] = []
        try:
            return await retry_contended(
                lambda: self._try_chunk(connection, selection, claimed), attempts=MAX_CHUNK_TRIES, pause=0.02
            )
        except Exception as error:
            if is_unavailable(error) or not claimed:
                raise
            job = claimed[-1]
            log.exception("job.postponed", job_id=job.id, workspace_id=job.workspace_id)
            said = f"{type(error).__name__}: a chunk of the job fails and is tried again."
            await connection.execute(POSTPONE_JOB_SQL, (said, job.workspace_id, job.id))
            return True

    def _selection(self, only: Sequence[int] | None, overdue: float, backlog: int) -> dict[str, object]:
        only = None if only is None else list(only)
        return {"kinds": list(self._handlers), "only": only, "overdue": overdue, "backlog": backlog}

    async def _try_chunk(
        self, connection: Connection, selection: Mapping[str, object], claimed: list[ClaimedJob]
    ) -> bool:
        async with connection.transaction():
            row = await (await connection.execute(CLAIM_JOB_SQL, selection)).fetchone()
            if row is None:
                return False
            job = ClaimedJob(*row)
            claimed.append(job)
            values = (job.workspace_id, job.id, job.position, _chunk_size(job))
            items = [ClaimedItem(*each) for each in await (await connection.execute(READ_ITEMS_SQL, values)).fetchall()]
            outcomes = await self._handle_items(connection, job, items)
            await _note_progress(connection, job, items, outcomes)
        self.has_replayed |= job.kind in ("replay", "release") and bool(outcomes)
        return True

    async def _handle_items(
        self, connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]
    ) -> list[ItemOutcome]:
        """Return the outcomes. If the items fail together they are halved until the bad one is alone."""
        handler, failed = self._handlers[job.kind], list[ItemOutcome]()

        async def handle(some: Sequence[ClaimedItem]) -> list[ItemOutcome]:
            async with connection.transaction():
                return await handler(connection, job, some)

        async def note_failure(item: ClaimedItem, error: Exception) -> None:
            log.warning("job.item_failed", job_id=job.id, item=item.id, error=type(error).__name__)
            failed.append(ItemOutcome(item.id, "failed", f"{type(error).__name__}: {error}"[:500]))

        parts = await isolate_failures(items, handle, note_failure)
        return [*(outcome for part in parts for outcome in part), *failed]


def _chunk_size(job: ClaimedJob) -> int:
    return JOB_CHUNK_SIZE if job.rate is None else min(max(job.rate // CHUNKS_PER_SECOND, 1), JOB_CHUNK_SIZE)


async def _note_progress(
    connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem], outcomes: Sequence[ItemOutcome]
) -> None:
    rows, place = as_json([outcome._asdict() for outcome in outcomes]), (job.workspace_id, job.id)
    if items:
        await connection.execute(NOTE_OUTCOMES_SQL, (rows, *place, items[0].id, items[-1].id))
    counts = {name: sum(outcome.outcome == name for outcome in outcomes) for name in ("done", "failed", "skipped")}
    position = items[-1].id if items else job.total
    progress = {"position": position, "taken": len(items), "workspace": job.workspace_id, "id": job.id}
    await connection.execute(ADVANCE_JOB_SQL, {**progress, **counts})
    if position >= job.total:
        await notify_followers(connection, *place)
