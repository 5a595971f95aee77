"""Submissions that cannot be ingested: they are retried later and finally kept as dead letters."""

import orjson

from services.workers.failure_causes import add_failures
from services.workers.ingest.file_rows import add_files
from services.workers.ingest.visitor_rows import add_visitors
from shared.intake.journal import Lane
from shared.leads import submission
from shared.leads.apply_batch import JsonRow, submission_row
from shared.leads.submission import AcceptedSubmission
from shared.operations.fingerprint import cause_of_exception
from shared.platform.db.connections import Connection, StatementExecutor, as_json
from shared.platform.observability import logging

log = logging.get_logger()

MAX_INGEST_ATTEMPTS = 5
FIRST_RETRY_DELAY_SECONDS = 0.25  # seconds before the second attempt; doubled for each later one

SCHEDULE_RETRY_SQL = """
INSERT INTO journal (lane, n, ids, attempts, due_at, payload)
VALUES (%b, 1, ARRAY[%b::uuid], %b, now() + make_interval(secs => %b), %b)
"""
# The submission keeps its idempotency key, also against a repeat that is ingested before the next attempt.
KEEP_KEY_SQL = """
INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
VALUES (%s, %s, to_timestamp(%s / 1000.0), decode(%s, 'hex')) ON CONFLICT DO NOTHING
"""
MARK_DEAD_SQL = """
WITH dead AS (
    SELECT * FROM json_to_record(%s::json) AS s(
        w bigint, id uuid, at bigint, channel text, source text, key_id bigint, payload text, warnings text[],
        error text, attempts smallint, hash text, cause bigint)
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n) SELECT w, 'dead', 1 FROM dead
), keyed AS (
    INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
    SELECT w, id, to_timestamp(at / 1000.0), decode(hash, 'hex') FROM dead WHERE hash IS NOT NULL
    ON CONFLICT DO NOTHING
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, key_id, payload, warnings, error,
                         attempts, cause_id)
SELECT w, id, to_timestamp(at / 1000.0), 'dead', channel, source, key_id, convert_to(payload, 'UTF8'), warnings,
       error, attempts, cause
FROM dead
"""


async def schedule_retry(connection: Connection, bad: AcceptedSubmission, error: Exception) -> None:
    """Put the submission into its own journal row, due after a delay."""
    attempts = bad.attempts + 1
    document = orjson.dumps({"gateway": bad.gateway, "items": [submission.encode_submission(bad)]})
    pause = FIRST_RETRY_DELAY_SECONDS * 2 ** (attempts - 1)
    log.warning("submission.parked", submission_id=bad.id, attempts=attempts, error=type(error).__name__)
    await connection.execute(SCHEDULE_RETRY_SQL, (int(Lane.PROMPT), bad.id, attempts, pause, document))
    if bad.body_hash:
        await connection.execute(KEEP_KEY_SQL, (bad.workspace_id, bad.id, bad.received_at, bad.body_hash))


async def mark_dead(connection: Connection, bad: AcceptedSubmission, error: Exception) -> None:
    """Store the submission as dead, with its error and payload, so that it can be replayed."""
    cause = cause_of_exception("submission", error)
    record = {**submission_row(bad), "error": describe_error(error), "hash": bad.body_hash, "cause": cause.id}
    log.error("submission.dead", submission_id=bad.id, attempts=record["attempts"], error=type(error).__name__)
    await store_dead_record(connection, record)
    await add_files(connection, [bad])
    await add_visitors(connection, [bad])
    await add_failures(connection, [(bad.workspace_id, cause)])


async def store_dead_record(connection: StatementExecutor, record: JsonRow) -> None:
    """Store a row of `submission_row` with its `error`, `hash` and `cause` as a dead submission.

    The payload goes as a text: a NUL in it, which PostgreSQL's JSON cannot hold, would stop the whole journal.
    """
    payload = orjson.dumps(record["payload"]).decode()
    await connection.execute(MARK_DEAD_SQL, (as_json({**record, "payload": payload}),))


def describe_error(error: Exception) -> str:
    """Return the error's type and first line, for the operator who replays the submission."""
    said = str(error).replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"{type(error).__name__}: {said.splitlines()[0] if said else ''}"[:500]
