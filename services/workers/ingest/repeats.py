"""Idempotency keys and second runs: what was decided before is not decided again."""

from collections.abc import Iterable, Sequence

from psycopg.rows import TupleRow

from shared.db import Statements, as_json
from shared.leads.submission import Submission
from shared.replies import REUSED, Verdict

# Before the identities in the lock order, sorted among themselves.
CLAIM = """
INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
SELECT (k->>0)::bigint, (k->>1)::uuid, to_timestamp((k->>2)::bigint / 1000.0), decode(k->>3, 'hex')
FROM json_array_elements(%s::json) k ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING id::text
"""
# A key without a submission is that of one which is tried again later, and has its key until then.
FIRSTS = """
SELECT k.id::text, encode(k.body_hash, 'hex'), (extract(epoch FROM k.received_at) * 1000)::bigint,
       s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM json_array_elements(%s::json) w
JOIN submission_keys k ON k.workspace_id = (w->>0)::bigint AND k.id = (w->>1)::uuid
LEFT JOIN submissions s ON s.workspace_id = k.workspace_id AND s.id = k.id AND s.received_at = k.received_at
"""
KNOWN = """
SELECT s.id::text, s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM json_array_elements(%s::json) w
JOIN submissions s ON s.workspace_id = (w->>0)::bigint AND s.id = (w->>1)::uuid
                  AND s.received_at = to_timestamp((w->>2)::bigint / 1000.0)
"""
NOTE = """
UPDATE submissions s SET warnings = array_append(s.warnings, note.text)
FROM (VALUES (%s)) note(text), json_array_elements(%s::json) w, submission_keys k
WHERE k.workspace_id = (w->>0)::bigint AND k.id = (w->>1)::uuid
  AND s.workspace_id = k.workspace_id AND s.id = k.id AND s.received_at = k.received_at
  AND NOT note.text = ANY(coalesce(s.warnings, '{}'))
"""
# What was accepted before some submissions and may be the first use of their keys, in whatever lane: a repeat that
# overtakes it must not take its place. It waits for rows that another worker has in hand, and then does not find them.
TAKE_EARLIER = """
DELETE FROM journal
WHERE lane IN (0, 1, 2) AND id < %s AND NOT id = ANY(%s) AND attempts < %s AND ids && %s::uuid[]
RETURNING id, attempts, payload
"""


class Sorted:
    """A batch, taken apart: `fresh` are to be ingested, `dropped` not, `twins` wait for what a fresh one comes to.

    `verdicts` are those already known, by position in `dropped`.
    """

    def __init__(self) -> None:
        self.fresh: list[Submission] = []
        self.dropped: list[Submission] = []
        self.verdicts: list[Verdict | None] = []
        self.twins: list[tuple[Submission, Submission]] = []  # (repeat, its first)

    def drop(self, submission: Submission, verdict: Verdict | None) -> None:
        self.dropped.append(submission)
        self.verdicts.append(verdict)


async def sort_out(connection: Statements, submissions: Sequence[Submission], *, known: bool) -> Sorted:
    """Takes repeats out of a batch. `known`: looks too for submissions without a key that were ingested before."""
    result = Sorted()
    unique = list(submissions)
    if len({(submission.workspace_id, submission.id) for submission in submissions}) < len(submissions):
        unique = _part_twins(submissions, result)
    if known:
        unique = await _drop_known(connection, unique, result)
    result.fresh = await _drop_repeats(connection, unique, result)
    return result


def _part_twins(submissions: Sequence[Submission], result: Sorted) -> list[Submission]:
    first: dict[tuple[int, str], Submission] = {}
    for submission in submissions:
        twin = first.setdefault((submission.workspace_id, submission.id), submission)
        if twin is not submission:
            result.twins.append((submission, twin))
    return list(first.values())


async def _drop_repeats(connection: Statements, unique: list[Submission], result: Sorted) -> list[Submission]:
    keyed = [submission for submission in unique if submission.body_hash]
    if not keyed:
        return unique
    document = as_json([(s.workspace_id, s.id, s.received_at, s.body_hash) for s in keyed])
    claimed = {row[0] for row in await (await connection.execute(CLAIM, (document,))).fetchall()}
    repeats = [submission for submission in keyed if submission.id not in claimed]
    if not repeats:
        return unique
    document = as_json([(s.workspace_id, s.id) for s in repeats])
    rows = await (await connection.execute(FIRSTS, (document,))).fetchall()
    firsts = {row[0]: row[1:] for row in rows}
    for submission in repeats:
        body_hash, received_at, state, *_ = firsts[submission.id]
        if state is None and (body_hash, received_at) == (submission.body_hash, submission.received_at):
            del firsts[submission.id]  # the first itself, once more
    repeats = [submission for submission in repeats if submission.id in firsts]
    # Twins of a repeat are judged by the first as well, not by that repeat: its body may be another.
    twins = [twin for twin, _ in result.twins if twin.id in firsts]
    result.twins = [pair for pair in result.twins if pair[0].id not in firsts]
    conflicts = []
    for submission in [*repeats, *twins]:
        body_hash, _, *verdict = firsts[submission.id]
        if body_hash == submission.body_hash:
            result.drop(submission, Verdict(*verdict).repeated() if verdict[0] else None)
        else:
            conflicts.append(submission)
            result.drop(submission, Verdict("conflict"))
    await note_conflicts(connection, conflicts)
    gone = {submission.id for submission in repeats}
    return [submission for submission in unique if submission.id not in gone]


async def take_earlier(
    connection: Statements, submissions: Sequence[Submission], own: Sequence[int], suspect: int
) -> list[TupleRow]:
    """Journal rows from before the last of `own` that hold a submission under one of these keys; those that are suspect
    of having taken workers down stay. Takes them out."""
    keys = ",".join([one.id for one in submissions if one.body_hash])
    if not keys:
        return []
    asked = (max(own), list(own), suspect, f"{{{keys}}}")
    return await (await connection.execute(TAKE_EARLIER, asked)).fetchall()


async def note_conflicts(connection: Statements, conflicts: Iterable[Submission]) -> None:
    """Says on the first submission that its key came again with another body: its caller may not have waited."""
    document = [(s.workspace_id, s.id) for s in conflicts]
    if document:
        await connection.execute(NOTE, (REUSED, as_json(document)))


async def _drop_known(connection: Statements, unique: list[Submission], result: Sorted) -> list[Submission]:
    document = as_json([(s.workspace_id, s.id, s.received_at) for s in unique if not s.body_hash])
    rows = await (await connection.execute(KNOWN, (document,))).fetchall()
    known = {row[0]: Verdict(*row[1:]) for row in rows}
    for submission in unique:
        if submission.id in known and not submission.body_hash:
            result.drop(submission, known[submission.id])
    return [s for s in unique if s.body_hash or s.id not in known]
