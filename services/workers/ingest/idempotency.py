"""Idempotency keys and redelivered submissions: a submission that was decided before is not decided again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.rows import TupleRow

from shared.intake.verdicts import KEY_REUSED_WARNING, Verdict
from shared.leads.submission import AcceptedSubmission
from shared.platform.db.connections import StatementExecutor, as_json

# In the lock order, keys come before identities. They are sorted.
CLAIM_KEYS_SQL = """
INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
SELECT (k->>0)::bigint, (k->>1)::uuid, to_timestamp((k->>2)::bigint / 1000.0), decode(k->>3, 'hex')
FROM json_array_elements(%s::json) k ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING id::text
"""
# A key without a submission belongs to a submission that will be retried and keeps its key until then, or to one whose
# lead is being fetched.
FIRST_USES_SQL = """
SELECT k.id::text, encode(k.body_hash, 'hex'), (extract(epoch FROM k.received_at) * 1000)::bigint,
       EXISTS (SELECT FROM source_fetches f WHERE f.workspace_id = k.workspace_id AND f.id = k.id),
       s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM json_array_elements(%s::json) w
JOIN submission_keys k ON k.workspace_id = (w->>0)::bigint AND k.id = (w->>1)::uuid
LEFT JOIN submissions s ON s.workspace_id = k.workspace_id AND s.id = k.id AND s.received_at = k.received_at
"""
KNOWN_SUBMISSIONS_SQL = """
SELECT s.id::text, s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM json_array_elements(%s::json) w
JOIN submissions s ON s.workspace_id = (w->>0)::bigint AND s.id = (w->>1)::uuid
                  AND s.received_at = to_timestamp((w->>2)::bigint / 1000.0)
"""
NOTE_CONFLICT_SQL = """
UPDATE submissions s SET warnings = array_append(s.warnings, note.text)
FROM (VALUES (%s)) note(text), json_array_elements(%s::json) w, submission_keys k
WHERE k.workspace_id = (w->>0)::bigint AND k.id = (w->>1)::uuid
  AND s.workspace_id = k.workspace_id AND s.id = k.id AND s.received_at = k.received_at
  AND NOT note.text = ANY(coalesce(s.warnings, '{}'))
"""
# Takes earlier rows, in any lane, that may hold the first use of these keys: a repeat that overtakes the first use must
# not replace it. The statement waits for rows that another worker holds, and then does not find them.
TAKE_EARLIER_SQL = """
DELETE FROM journal
WHERE lane IN (0, 1, 2) AND id < %s AND NOT id = ANY(%s) AND attempts < %s AND ids && %s::uuid[]
RETURNING id, attempts, payload
"""


class PartitionedBatch:
    """A batch in three parts: `fresh` submissions are ingested, `dropped` ones are not.

    `in_batch_repeats` are repeats within the batch: their verdict is that of the fresh submission. `verdicts` holds
    the verdicts that are known already, by position in `dropped`.
    """

    def __init__(self) -> None:
        self.fresh: list[AcceptedSubmission] = []
        self.dropped: list[AcceptedSubmission] = []
        self.verdicts: list[Verdict | None] = []
        self.in_batch_repeats: list[tuple[AcceptedSubmission, AcceptedSubmission]] = []  # (repeat, its first)

    def drop_submission(self, submission: AcceptedSubmission, verdict: Verdict | None) -> None:
        self.dropped.append(submission)
        self.verdicts.append(verdict)


async def partition_repeats(
    connection: StatementExecutor, submissions: Sequence[AcceptedSubmission], *, check_known: bool
) -> PartitionedBatch:
    """Separate repeats from a batch.

    `check_known`: also look for submissions without a key that were ingested before.
    """
    result = PartitionedBatch()
    unique = list(submissions)
    if len({(submission.workspace_id, submission.id) for submission in submissions}) < len(submissions):
        unique = _partition_in_batch(submissions, result)
    if check_known:
        unique = await _drop_known(connection, unique, result)
    result.fresh = await _drop_repeats(connection, unique, result)
    return result


def _partition_in_batch(
    submissions: Sequence[AcceptedSubmission], result: PartitionedBatch
) -> list[AcceptedSubmission]:
    first: dict[tuple[int, str], AcceptedSubmission] = {}
    for submission in submissions:
        twin = first.setdefault((submission.workspace_id, submission.id), submission)
        if twin is not submission:
            result.in_batch_repeats.append((submission, twin))
    return list(first.values())


async def _drop_repeats(
    connection: StatementExecutor, unique: list[AcceptedSubmission], result: PartitionedBatch
) -> list[AcceptedSubmission]:
    keyed = [submission for submission in unique if submission.body_hash]
    if not keyed:
        return unique
    document = as_json([(s.workspace_id, s.id, s.received_at, s.body_hash) for s in keyed])
    claimed = {row[0] for row in await (await connection.execute(CLAIM_KEYS_SQL, (document,))).fetchall()}
    repeats = [submission for submission in keyed if submission.id not in claimed]
    if not repeats:
        return unique
    document = as_json([(s.workspace_id, s.id) for s in repeats])
    rows = await (await connection.execute(FIRST_USES_SQL, (document,))).fetchall()
    firsts = {row[0]: row[1:] for row in rows}
    returned = (twin for twin, _ in result.in_batch_repeats if _is_returned(twin))
    for first_use in _undecided_first_uses([*repeats, *returned], firsts):
        del firsts[first_use.id]
        unique = [first_use if submission.id == first_use.id else submission for submission in unique]
        result.in_batch_repeats = _repeats_of(first_use, repeats, result.in_batch_repeats)
    repeats = [submission for submission in repeats if submission.id in firsts]
    # Repeats within the batch are compared with the first use as well: the other repeat's body may differ from it.
    twins = [twin for twin, _ in result.in_batch_repeats if twin.id in firsts]
    result.in_batch_repeats = [pair for pair in result.in_batch_repeats if pair[0].id not in firsts]
    conflicts = []
    for submission in [*repeats, *twins]:
        body_hash, _, _, *verdict = firsts[submission.id]
        if body_hash == submission.body_hash:
            result.drop_submission(submission, Verdict(*verdict).for_repeat() if verdict[0] else None)
        else:
            conflicts.append(submission)
            result.drop_submission(submission, Verdict("conflict"))
    await note_conflicts(connection, conflicts)
    gone = {submission.id for submission in repeats}
    return [submission for submission in unique if submission.id not in gone]


def _undecided_first_uses(
    submissions: Iterable[AcceptedSubmission], firsts: Mapping[str, Sequence[Any]]
) -> list[AcceptedSubmission]:
    """Return the first uses of keys that have no verdict: they are tried again, or their lead was fetched meanwhile.

    A repeat may stand before them in the batch. They alone hold the lead.
    """
    first_uses: dict[str, AcceptedSubmission] = {}
    for submission in submissions:
        body_hash, received_at, is_fetched, state, *_ = firsts.get(submission.id, (None, None, True, None))
        is_same = (body_hash, received_at) == (submission.body_hash, submission.received_at)
        if is_same and state is None and not is_fetched:
            first_uses.setdefault(submission.id, submission)
    return list(first_uses.values())


def _is_returned(submission: AcceptedSubmission) -> bool:
    """Return whether it came back to the journal: to be tried again, replayed, or with the lead that was fetched."""
    return submission.attempts > 0 or submission.accepted_again_at is not None or not submission.gateway


def _repeats_of(
    first_use: AcceptedSubmission,
    repeats: Sequence[AcceptedSubmission],
    pairs: Sequence[tuple[AcceptedSubmission, AcceptedSubmission]],
) -> list[tuple[AcceptedSubmission, AcceptedSubmission]]:
    """Return the pairs of repeats in the batch with their firsts, once this first use counts."""
    others = [pair for pair in pairs if pair[0].id != first_use.id]
    same = [repeat for repeat in repeats if repeat.id == first_use.id]
    same += [repeat for repeat, _ in pairs if repeat.id == first_use.id]
    return [*others, *((repeat, first_use) for repeat in same if repeat is not first_use)]


async def take_earlier_rows(
    connection: StatementExecutor,
    submissions: Sequence[AcceptedSubmission],
    own_row_ids: Sequence[int],
    suspect_attempts: int,
) -> list[TupleRow]:
    """Take and return the journal rows older than the last of `own_row_ids` that use one of these keys.

    Rows that are suspected of killing workers stay in the journal.
    """
    keys = ",".join([one.id for one in submissions if one.body_hash])
    if not keys:
        return []
    asked = (max(own_row_ids), list(own_row_ids), suspect_attempts, f"{{{keys}}}")
    return await (await connection.execute(TAKE_EARLIER_SQL, asked)).fetchall()


async def note_conflicts(connection: StatementExecutor, conflicts: Iterable[AcceptedSubmission]) -> None:
    """Warn on the first submission that its key was used again with another body. Its caller may not have waited."""
    document = [(s.workspace_id, s.id) for s in conflicts]
    if document:
        await connection.execute(NOTE_CONFLICT_SQL, (KEY_REUSED_WARNING, as_json(document)))


async def _drop_known(
    connection: StatementExecutor, unique: list[AcceptedSubmission], result: PartitionedBatch
) -> list[AcceptedSubmission]:
    document = as_json([(s.workspace_id, s.id, s.received_at) for s in unique if not s.body_hash])
    rows = await (await connection.execute(KNOWN_SUBMISSIONS_SQL, (document,))).fetchall()
    known = {row[0]: Verdict(*row[1:]) for row in rows}
    for submission in unique:
        if submission.id in known and not submission.body_hash:
            result.drop_submission(submission, known[submission.id])
    return [s for s in unique if s.body_hash or s.id not in known]
