"""Ingest one batch in one transaction: journal rows become leads and verdicts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from psycopg.rows import TupleRow

from services.workers.ingest import repeats
from services.workers.ingest.facts import Facts
from services.workers.ingest.lead_ids import LeadIds
from services.workers.ingest.lookups import BatchLookups
from services.workers.ingest.poison import ATTEMPTS, bury, park
from services.workers.ingest.repeats import Sorted, sort_out, take_earlier
from services.workers.ingest.write import finish, is_second_run, write
from shared.bisection import isolate_failures
from shared.db import Connection, Statements, is_contention, is_unavailable
from shared.journal import Lane
from shared.leads import submission
from shared.leads.apply import Record, Written
from shared.leads.decide import decide_submissions
from shared.leads.submission import Submission
from shared.pipelined import transaction
from shared.replies import REUSED, Reply, Verdict

SUSPECT = 2  # noted deaths of workers after which a row is handled with care
FIRST = 16  # journal rows of lane 0 that make a batch

# The rows are locked before they are deleted, so rows of another worker are skipped. A failed batch puts them back.
_TAKE = """
DELETE FROM journal WHERE ctid = ANY (ARRAY(SELECT ctid FROM journal WHERE {which} FOR UPDATE SKIP LOCKED))
RETURNING id, attempts, payload
"""
TAKE = _TAKE.format(which="lane = %s AND id = ANY(%s)")
# The first rows of lane 0 that no worker holds, without suspect rows, which are handled elsewhere with care.
TAKE_FIRST = _TAKE.format(
    which=f"lane = {Lane.WAITED_FOR:d} AND id > %s AND due_at <= clock_timestamp() AND attempts < {SUSPECT} "
    f"ORDER BY id LIMIT {FIRST}"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """A statement that takes journal rows, with its arguments."""

    lane: int
    statement: str
    arguments: tuple[Any, ...]


def rows_of(lane: int, ids: Sequence[int]) -> Rows:
    """Select these rows, except those that another worker holds."""
    return Rows(lane, TAKE, (lane, list(ids)))


def first_rows(after: int) -> Rows:
    """Select the first rows of lane 0 with an id above `after`.

    If fewer rows than the limit come back, no others are waiting.
    """
    return Rows(Lane.WAITED_FOR, TAKE_FIRST, (after,))


class Memory:
    """State that a worker keeps between batches."""

    def __init__(self) -> None:
        self.ids = LeadIds()
        self.facts = Facts()

    def apart(self) -> "Memory":
        """Return a copy with an empty cache, for a transaction that may cache what it then rolls back."""
        other = Memory()
        other.ids = self.ids
        return other


@dataclass(slots=True)
class Outcome:
    """The result of a batch, for the log, the metrics, waiting callers and automations."""

    row_ids: list[int] = field(default_factory=list)
    taken: int = 0
    done: int = 0
    dead: int = 0
    parked: int = 0
    has_events: bool = False
    dropped: list[Submission] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))

    def reply(self, to: Submission, verdict: Verdict) -> None:
        if to.reply:
            self.replies[to.gateway].append((to.reply, verdict))


async def ingest(connection: Connection, rows: Rows, memory: Memory) -> Outcome:
    """Ingest the selected journal rows. Commit, or raise and change nothing.

    Bad data is isolated here. Only errors about the database's state or about contention are raised.
    """
    try:
        return await _attempt(connection, rows, memory, careful=False)
    except Exception as error:
        await _roll_back(connection)
        memory.facts.forget()  # the cache may have caused the error
        if is_unavailable(error) or is_contention(error):
            raise
        # The data is bad, or it was ingested before. Try again with savepoints, which an ordinary batch does not need.
        return await _attempt(connection, rows, memory.apart(), careful=True)


async def _roll_back(connection: Connection) -> None:
    """Roll back explicitly: when a statement fails in a pipeline, the server skips the commit sent behind it."""
    if not connection.closed:
        await connection.rollback()


async def _attempt(connection: Connection, rows: Rows, memory: Memory, *, careful: bool) -> Outcome:
    outcome = Outcome()
    async with transaction(connection, savepoints=careful) as statements:
        taken = await (await statements.execute(rows.statement, rows.arguments)).fetchall()
        if not taken:
            return outcome
        outcome.row_ids, submissions = await _with_earlier(statements, taken)
        outcome.taken = len(submissions)
        written = None
        if careful:
            await _bisect(connection, submissions, memory, outcome)
        else:
            written = await _decide(statements, submissions, memory, outcome, known=False)
        await finish(statements, outcome.dropped, outcome.replies, written)
    return outcome


async def _with_earlier(connection: Statements, taken: list[TupleRow]) -> tuple[list[int], list[Submission]]:
    """Return the ids and submissions of the rows in the order of acceptance.

    Earlier rows with the same idempotency keys are taken as well, and so on for the keys in these rows.
    """
    read: dict[int, list[Submission]] = {}
    while taken:
        read |= {row[0]: _read(row[1], row[2]) for row in taken}
        found = [submission for row in taken for submission in read[row[0]]]
        taken = await take_earlier(connection, found, list(read), SUSPECT)
    return sorted(read), [submission for row_id in sorted(read) for submission in read[row_id]]


def _read(attempts: int, payload: bytes) -> list[Submission]:
    document = orjson.loads(payload)
    gateway = document["gateway"]
    return [submission.read(item, gateway, attempts) for item in document["items"]]


async def _bisect(connection: Connection, submissions: list[Submission], memory: Memory, outcome: Outcome) -> None:
    """Halve the batch until the bad submission is alone: 15 savepoints for one bad submission in 200."""

    async def work(some: Sequence[Submission]) -> None:
        part = Outcome()
        async with connection.transaction(), connection.pipeline():  # the end of the pipeline waits for all statements
            written = await _decide(connection, some, memory, part, known=True)
            if written:
                await write(connection, written)
        outcome.done += part.done
        outcome.has_events |= part.has_events
        outcome.dropped += part.dropped
        for gateway, replies in part.replies.items():
            outcome.replies[gateway] += replies

    await isolate_failures(submissions, work, lambda bad, error: _isolate(connection, bad, error, outcome))


async def _isolate(connection: Connection, bad: Submission, error: Exception, outcome: Outcome) -> None:
    if is_second_run(error):
        raise error  # another transaction just decided it: the whole batch runs again and sees that
    if bad.attempts + 1 >= ATTEMPTS:
        await bury(connection, bad, error)
        outcome.dead += 1
        outcome.reply(bad, Verdict("dead"))
    else:
        await park(connection, bad, error)
        outcome.parked += 1


async def _decide(
    connection: Statements, submissions: Sequence[Submission], memory: Memory, outcome: Outcome, *, known: bool
) -> Written | None:
    """Decide on submissions and return the writes that carry out the decisions."""
    batch = await sort_out(connection, submissions, known=known)
    written = await _decide_fresh(connection, batch.fresh, memory) if batch.fresh else None
    outcome.done = len(batch.fresh)
    outcome.has_events = bool(written and written.watched)
    records = written.submissions if written else []
    for fresh, record in zip(batch.fresh, records, strict=True):
        if fresh.reply:
            outcome.reply(fresh, _verdict(record))
    await _answer_repeats(connection, batch, records, outcome)
    return written


async def _decide_fresh(connection: Statements, fresh: list[Submission], memory: Memory) -> Written:
    lookups = BatchLookups(connection, memory.facts, memory.ids)
    written = (await decide_submissions(fresh, lookups)).written
    written.watched = lookups.watched()
    memory.ids.give_back(id_ for id_ in lookups.new_ids if id_ not in written.created)
    return written


def _verdict(record: Record) -> Verdict:
    return Verdict("done", record["lead_id"], record["is_duplicate"], record.get("matched_on"), record.get("warnings"))


async def _answer_repeats(connection: Statements, batch: Sorted, records: list[Record], outcome: Outcome) -> None:
    if not (batch.dropped or batch.twins):
        return
    written = {one.id: record for one, record in zip(batch.fresh, records, strict=True)}
    decided = {id_: _verdict(record) for id_, record in written.items()}
    for repeat, verdict in zip(batch.dropped, batch.verdicts, strict=True):
        outcome.dropped.append(repeat)
        if verdict:
            decided[repeat.id] = verdict
            outcome.reply(repeat, verdict)
    conflicts = []
    for repeat, first in batch.twins:
        outcome.dropped.append(repeat)
        if repeat.body_hash != first.body_hash:
            outcome.reply(repeat, Verdict("conflict"))
            if record := written.get(first.id):  # its row is not written yet
                record["warnings"] = [*dict.fromkeys([*record.get("warnings", ()), REUSED])]
            else:
                conflicts.append(repeat)
        elif verdict := decided.get(first.id):
            outcome.reply(repeat, verdict.repeated())
    await repeats.note_conflicts(connection, conflicts)
