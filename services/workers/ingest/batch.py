"""One batch: journal rows in, leads and verdicts out, in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from services.workers.ingest import repeats
from services.workers.ingest.claim import claim
from services.workers.ingest.lead_ids import LeadIds
from services.workers.ingest.poison import ATTEMPTS, bury, park
from services.workers.ingest.repeats import Sorted, sort_out
from services.workers.ingest.write import finish, is_second_run, write
from shared.db import Connection, is_contention, is_unavailable
from shared.leads import submission
from shared.leads.apply import Record, apply
from shared.leads.places import Workspace, names_a_place, place
from shared.leads.submission import Submission, prepare
from shared.leads.tags import ask_for_tags, make_tags, read_tags
from shared.leads.workspaces import load_places, load_workspaces
from shared.replies import Reply, Verdict

LOCK = """
SELECT id, attempts, payload FROM journal
WHERE lane = %s AND id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED
"""


@dataclass(slots=True)
class Outcome:
    """What a batch came to: for the log, the metrics and the callers who wait."""

    taken: int = 0
    done: int = 0
    dead: int = 0
    parked: int = 0
    dropped: list[Submission] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))

    def reply(self, to: Submission, verdict: Verdict) -> None:
        if to.reply:
            self.replies[to.gateway].append((to.reply, verdict))


async def ingest(connection: Connection, lane: int, row_ids: Sequence[int], ids: LeadIds) -> Outcome:
    """Ingests journal rows, those of them that no other worker has in hand. Commits, or raises and changes nothing.

    Raises what tells of the database's state or of contention; bad data it isolates itself.
    """
    try:
        return await _attempt(connection, lane, row_ids, ids, careful=False)
    except Exception as error:
        await _roll_back(connection)
        if is_unavailable(error) or is_contention(error):
            raise
        # Data at fault, or a second run: once more under savepoints, which the ordinary batch does without.
        return await _attempt(connection, lane, row_ids, ids, careful=True)


async def _roll_back(connection: Connection) -> None:
    """Ends what is left open where a statement failed that was sent along with its commit: that is passed over then."""
    if not connection.closed:
        await connection.rollback()


async def _attempt(
    connection: Connection, lane: int, row_ids: Sequence[int], ids: LeadIds, *, careful: bool
) -> Outcome:
    outcome = Outcome()
    # In pipeline mode what needs no answer costs no round trip: begin, finish, commit.
    async with connection.pipeline(), connection.transaction():
        rows = await (await connection.execute(LOCK, (lane, list(row_ids)))).fetchall()
        submissions = [found for row in rows for found in _read(row[1], row[2])]
        if not rows:
            return outcome
        outcome.taken = len(submissions)
        if careful:
            await _bisect(connection, submissions, ids, outcome)
        else:
            await _decide(connection, submissions, ids, outcome, known=False)
        await finish(connection, lane, [row[0] for row in rows], outcome.dropped, outcome.replies)
    return outcome


def _read(attempts: int, payload: bytes) -> list[Submission]:
    document = orjson.loads(payload)
    gateway = document["gateway"]
    return [submission.read(item, gateway, attempts) for item in document["items"]]


async def _bisect(connection: Connection, submissions: list[Submission], ids: LeadIds, outcome: Outcome) -> None:
    """Halves the batch until what fails stands alone: 15 savepoints for one bad submission in 200."""
    part = Outcome()
    try:
        async with connection.transaction(), connection.pipeline():  # its end waits for what was sent
            await _decide(connection, submissions, ids, part, known=True)
    except Exception as error:
        if is_unavailable(error) or is_contention(error):
            raise
        if len(submissions) == 1:
            await _isolate(connection, submissions[0], error, outcome)
            return
        middle = len(submissions) // 2
        await _bisect(connection, submissions[:middle], ids, outcome)
        await _bisect(connection, submissions[middle:], ids, outcome)
        return
    outcome.done += part.done
    outcome.dropped += part.dropped
    for gateway, replies in part.replies.items():
        outcome.replies[gateway] += replies


async def _isolate(connection: Connection, bad: Submission, error: Exception, outcome: Outcome) -> None:
    if is_second_run(error):
        raise error  # decided by another transaction this moment: the whole batch runs again and sees it
    if bad.attempts + 1 >= ATTEMPTS:
        await bury(connection, bad, error)
        outcome.dead += 1
        outcome.reply(bad, Verdict("dead"))
    else:
        await park(connection, bad, error)
        outcome.parked += 1


async def _decide(
    connection: Connection, submissions: Sequence[Submission], ids: LeadIds, outcome: Outcome, *, known: bool
) -> None:
    """Decides on submissions and writes what that makes true."""
    batch = await sort_out(connection, submissions, known=known)
    verdicts = await _ingest_fresh(connection, batch.fresh, ids)
    outcome.done = len(batch.fresh)
    for fresh, verdict in zip(batch.fresh, verdicts, strict=True):
        if fresh.reply:
            outcome.reply(fresh, verdict)
    await _answer_repeats(connection, batch, verdicts, outcome)


async def _ingest_fresh(connection: Connection, fresh: list[Submission], ids: LeadIds) -> list[Verdict]:
    if not fresh:
        return []
    workspaces = await load_workspaces(connection, [one.workspace_id for one in fresh])
    _prepare(fresh, workspaces)
    places = await load_places(connection, [one.workspace_id for one in fresh if names_a_place(one.body)])
    for one in fresh:
        place(one, workspaces[one.workspace_id], places)
    new_ids = await ids.draw(connection, len(fresh))
    named = {(one.workspace_id, name) for one in fresh for name in one.tags}
    answer = await ask_for_tags(connection, named)
    resolution, states = await claim(connection, fresh, new_ids)
    tags = await make_tags(connection, named, await read_tags(answer))
    written = apply(fresh, resolution, states, workspaces, tags)
    await write(connection, written)
    ids.give_back(id_ for id_ in new_ids if id_ not in written.created)
    return [_verdict(record) for record in written.submissions]


def _prepare(fresh: list[Submission], workspaces: dict[int, Workspace]) -> None:
    for one in fresh:
        workspace = workspaces[one.workspace_id]
        # From nothing each time: a batch that runs again must not add to what its first run left.
        one.fields, one.tags, one.keys, one.warnings = {}, [], [], []
        prepare(one, country=workspace.country, fold_gmail=workspace.fold_gmail)


def _verdict(record: Record) -> Verdict:
    return Verdict("done", record["lead_id"], record["is_duplicate"], record["matched_on"], record["warnings"])


async def _answer_repeats(connection: Connection, batch: Sorted, verdicts: list[Verdict], outcome: Outcome) -> None:
    decided = {one.id: verdict for one, verdict in zip(batch.fresh, verdicts, strict=True)}
    for repeat, verdict in zip(batch.dropped, batch.verdicts, strict=True):
        outcome.dropped.append(repeat)
        if verdict:
            decided[repeat.id] = verdict
            outcome.reply(repeat, verdict)
    conflicts = []
    for repeat, first in batch.twins:
        outcome.dropped.append(repeat)
        if repeat.body_hash != first.body_hash:
            conflicts.append(repeat)
            outcome.reply(repeat, Verdict("conflict"))
        elif verdict := decided.get(first.id):
            outcome.reply(repeat, verdict._replace(replayed=True))
    await repeats.note_conflicts(connection, conflicts)
