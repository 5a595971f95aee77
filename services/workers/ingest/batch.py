"""Ingest one batch in one transaction: journal rows become leads and verdicts."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from psycopg.rows import TupleRow

from services.workers.batches.bisection import isolate_failures
from services.workers.ingest import idempotency
from services.workers.ingest.dead_letters import MAX_INGEST_ATTEMPTS, mark_dead, schedule_retry
from services.workers.ingest.file_rows import add_files
from services.workers.ingest.held_rows import settle_held, split_held
from services.workers.ingest.idempotency import PartitionedBatch, partition_repeats, take_earlier_rows
from services.workers.ingest.lead_ids import LeadIdPool
from services.workers.ingest.leadless_submissions import settle_leadless, split_leadless
from services.workers.ingest.lookups import BatchLookups
from services.workers.ingest.visitor_rows import add_visitors
from services.workers.ingest.workspace_cache import WorkspaceCache
from services.workers.ingest.write_batch import finish_batch, is_redelivery, write_batch
from services.workers.libpq_pipeline import Follower, pipeline_transaction
from services.workers.processes.heartbeat import SUSPECT_ATTEMPTS
from shared.intake.journal import Lane
from shared.intake.verdicts import KEY_REUSED_WARNING, Verdict, VerdictReply
from shared.leads import submission
from shared.leads.apply_batch import BatchWrites, JsonRow
from shared.leads.decide import decide_submissions
from shared.leads.submission import AcceptedSubmission
from shared.platform.db.connections import Connection, StatementExecutor
from shared.platform.db.database_errors import is_contention, is_unavailable

HEAD_BATCH_ROWS = 16  # journal rows of lane 0 that make a batch

# The rows are locked before they are deleted, so rows of another worker are skipped. A failed batch puts them back.
_TAKE_ROWS_SQL = """
DELETE FROM journal WHERE ctid = ANY (ARRAY(SELECT ctid FROM journal WHERE {which} FOR UPDATE SKIP LOCKED))
RETURNING id, attempts, payload
"""
TAKE_ROWS_SQL = _TAKE_ROWS_SQL.format(which="lane = %s AND id = ANY(%s)")
# The first rows of lane 0 that no worker holds, without suspect rows, which are handled elsewhere with care.
TAKE_FIRST_ROWS_SQL = _TAKE_ROWS_SQL.format(
    which=f"lane = {Lane.WAITED_FOR:d} AND id > %s AND due_at <= clock_timestamp() AND attempts < {SUSPECT_ATTEMPTS} "
    f"ORDER BY id LIMIT {HEAD_BATCH_ROWS}"
)


@dataclass(frozen=True, slots=True)
class RowSelection:
    """A statement that takes journal rows, with its arguments."""

    lane: int
    statement: str
    arguments: tuple[Any, ...]


def select_rows(lane: int, ids: Sequence[int]) -> RowSelection:
    """Select these rows, except those that another worker holds."""
    return RowSelection(lane, TAKE_ROWS_SQL, (lane, list(ids)))


def select_first_rows(after: int) -> RowSelection:
    """Select the first rows of lane 0 with an id above `after`.

    If fewer rows than the limit come back, no others are waiting.
    """
    return RowSelection(Lane.WAITED_FOR, TAKE_FIRST_ROWS_SQL, (after,))


class WorkerState:
    """State that a worker keeps between batches. `read_key` returns the secret key of the installation."""

    def __init__(self, read_key: Callable[[], str]) -> None:
        self.read_key = read_key
        self.lead_ids = LeadIdPool()
        self.workspaces = WorkspaceCache()

    def without_cache(self) -> "WorkerState":
        """Return a copy with an empty cache, for a transaction that may cache what it then rolls back."""
        other = WorkerState(self.read_key)
        other.lead_ids = self.lead_ids
        return other


@dataclass(slots=True)
class BatchOutcome:
    """The result of a batch, for the log, the metrics, waiting callers and automations."""

    row_ids: list[int] = field(default_factory=list)
    taken: int = 0
    done: int = 0
    dead: int = 0
    parked: int = 0
    has_events: bool = False
    decided: list[tuple[AcceptedSubmission, bool]] = field(default_factory=list)  # with whether it is a duplicate
    dropped: list[AcceptedSubmission] = field(default_factory=list)
    replies: dict[str, list[VerdictReply]] = field(default_factory=lambda: defaultdict(list))

    def add_reply(self, to: AcceptedSubmission, verdict: Verdict) -> None:
        if to.reply:
            self.replies[to.gateway].append((to.reply, verdict))


async def ingest_rows(connection: Connection, rows: RowSelection, state: WorkerState) -> BatchOutcome:
    """Ingest the selected journal rows. Commit, or raise and change nothing.

    Bad data is isolated here. Only errors about the database's state or about contention are raised.
    """
    try:
        return await _try_batch(connection, rows, state, with_savepoints=False)
    except Exception as error:
        await _roll_back(connection)
        state.workspaces.clear()  # the cache may have caused the error
        if is_unavailable(error) or is_contention(error):
            raise
        # The data is bad, or it was ingested before. Try again with savepoints, which an ordinary batch does not need.
        return await _try_batch(connection, rows, state.without_cache(), with_savepoints=True)


async def _roll_back(connection: Connection) -> None:
    """Roll back explicitly: when a statement fails in a pipeline, the server skips the commit sent behind it."""
    if not connection.closed:
        await connection.rollback()


async def _try_batch(
    connection: Connection, rows: RowSelection, state: WorkerState, *, with_savepoints: bool
) -> BatchOutcome:
    outcome = BatchOutcome()
    verdicts: list[Follower] = []
    async with pipeline_transaction(connection, savepoints=with_savepoints, followers=verdicts) as statements:
        journal_rows = await (await statements.execute(rows.statement, rows.arguments)).fetchall()
        if not journal_rows:
            return outcome
        outcome.row_ids, submissions = await _load_with_earlier(statements, journal_rows)
        outcome.taken = len(submissions)
        written = None
        if with_savepoints:
            await _bisect(connection, submissions, state, outcome)
        else:
            written = await _decide_batch(statements, submissions, state, outcome, check_known=False)
        verdicts += await finish_batch(statements, outcome.dropped, outcome.replies, written)
    return outcome


async def _load_with_earlier(
    connection: StatementExecutor, journal_rows: list[TupleRow]
) -> tuple[list[int], list[AcceptedSubmission]]:
    """Return the ids and submissions of the rows in the order of acceptance.

    Earlier rows with the same idempotency keys are taken as well, and so on for the keys in these rows.
    """
    by_row: dict[int, list[AcceptedSubmission]] = {}
    while journal_rows:
        by_row |= {row[0]: _read_payload(row[1], row[2]) for row in journal_rows}
        found = [submission for row in journal_rows for submission in by_row[row[0]]]
        journal_rows = await take_earlier_rows(connection, found, list(by_row), SUSPECT_ATTEMPTS)
    return sorted(by_row), [submission for row_id in sorted(by_row) for submission in by_row[row_id]]


def _read_payload(attempts: int, payload: bytes) -> list[AcceptedSubmission]:
    document = orjson.loads(payload)
    gateway = document["gateway"]
    return [submission.decode_submission(item, gateway, attempts) for item in document["items"]]


async def _bisect(
    connection: Connection, submissions: list[AcceptedSubmission], state: WorkerState, outcome: BatchOutcome
) -> None:
    """Halve the batch until the bad submission is alone: 15 savepoints for one bad submission in 200."""

    async def work(some: Sequence[AcceptedSubmission]) -> None:
        part = BatchOutcome()
        async with connection.transaction(), connection.pipeline():  # the end of the pipeline waits for all statements
            written = await _decide_batch(connection, some, state, part, check_known=True)
            if written:
                await write_batch(connection, written)
        outcome.done += part.done
        outcome.has_events |= part.has_events
        outcome.decided += part.decided
        outcome.dropped += part.dropped
        for gateway, replies in part.replies.items():
            outcome.replies[gateway] += replies

    await isolate_failures(submissions, work, lambda bad, error: _set_aside(connection, bad, error, outcome))


async def _set_aside(connection: Connection, bad: AcceptedSubmission, error: Exception, outcome: BatchOutcome) -> None:
    if is_redelivery(error):
        raise error  # another transaction just decided it: the whole batch runs again and sees that
    if bad.attempts + 1 >= MAX_INGEST_ATTEMPTS:
        await mark_dead(connection, bad, error)
        outcome.dead += 1
        outcome.decided.append((bad, False))
        outcome.add_reply(bad, Verdict("dead"))
    else:
        await schedule_retry(connection, bad, error)
        outcome.parked += 1


async def _decide_batch(
    connection: StatementExecutor,
    submissions: Sequence[AcceptedSubmission],
    state: WorkerState,
    outcome: BatchOutcome,
    *,
    check_known: bool,
) -> BatchWrites | None:
    """Decide on submissions and return the writes that carry out the decisions."""
    batch = await partition_repeats(connection, submissions, check_known=check_known)
    held: list[AcceptedSubmission] = []
    if filled := [one for one in batch.fresh if one.form]:
        held = await _set_held_apart(connection, batch, filled, outcome)
    batch.fresh, leadless = split_leadless(batch.fresh)
    if leadless:
        outcome.decided += [(one, False) for one in await settle_leadless(connection, leadless)]
    written = await _decide_fresh(connection, batch.fresh, state) if batch.fresh else None
    outcome.done = len(batch.fresh)
    outcome.has_events = bool(written and written.watched_workspaces)
    records = written.submissions if written else []
    for fresh, record in zip(batch.fresh, records, strict=True):
        outcome.decided.append((fresh, record["is_duplicate"]))
        if fresh.reply:
            outcome.add_reply(fresh, _verdict_of(record))
    if held:
        await settle_held(connection, held, state.read_key)
    await _answer_repeats(connection, batch, records, outcome)
    return written


async def _set_held_apart(
    connection: StatementExecutor,
    batch: PartitionedBatch,
    filled: list[AcceptedSubmission],
    outcome: BatchOutcome,
) -> list[AcceptedSubmission]:
    """Store what came with forms beside their leads. Return the submissions that are held: these leave the batch."""
    await add_files(connection, filled)
    await add_visitors(connection, filled)
    batch.fresh, held = split_held(batch.fresh)
    outcome.decided += [(one, False) for one in held]
    for one in held:
        outcome.add_reply(one, Verdict("quarantined"))
    return held


async def _decide_fresh(
    connection: StatementExecutor, fresh: list[AcceptedSubmission], state: WorkerState
) -> BatchWrites:
    lookups = BatchLookups(connection, state.workspaces, state.lead_ids)
    written = (await decide_submissions(fresh, lookups)).written
    written.watched_workspaces = lookups.watched_workspaces()
    state.lead_ids.give_back(id_ for id_ in lookups.new_ids if id_ not in written.created)
    return written


def _verdict_of(record: JsonRow) -> Verdict:
    return Verdict("done", record["lead_id"], record["is_duplicate"], record.get("matched_on"), record.get("warnings"))


async def _answer_repeats(
    connection: StatementExecutor, batch: PartitionedBatch, records: list[JsonRow], outcome: BatchOutcome
) -> None:
    if not (batch.dropped or batch.in_batch_repeats):
        return
    written = {one.id: record for one, record in zip(batch.fresh, records, strict=True)}
    decided = {id_: _verdict_of(record) for id_, record in written.items()}
    for repeat, verdict in zip(batch.dropped, batch.verdicts, strict=True):
        outcome.dropped.append(repeat)
        if verdict:
            decided[repeat.id] = verdict
            outcome.add_reply(repeat, verdict)
    conflicts = []
    for repeat, first in batch.in_batch_repeats:
        outcome.dropped.append(repeat)
        if repeat.body_hash != first.body_hash:
            outcome.add_reply(repeat, Verdict("conflict"))
            if record := written.get(first.id):  # its row is not written yet
                record["warnings"] = [*dict.fromkeys([*record.get("warnings", ()), KEY_REUSED_WARNING])]
            else:
                conflicts.append(repeat)
        elif verdict := decided.get(first.id):
            outcome.add_reply(repeat, verdict.for_repeat())
    await idempotency.note_conflicts(connection, conflicts)
