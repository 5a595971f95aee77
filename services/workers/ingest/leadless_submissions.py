"""Submissions of providers that make no lead by themselves: tests, unreadable bodies, deletions, and mere ids.

They are rare, so their statements are apart from those of a batch.
"""

from collections.abc import Sequence

import orjson

from services.workers.failure_causes import add_failures
from services.workers.ingest.dead_letters import store_dead_record
from shared.leads.apply_batch import JsonRow, submission_row
from shared.leads.source_part import SourcePart, makes_no_lead
from shared.leads.submission import AcceptedSubmission, encode_submission
from shared.operations.fingerprint import cause_of_text
from shared.platform.db.connections import StatementExecutor, as_json
from shared.platform.observability import logging

log = logging.get_logger()

DELETION_WARNING = "The provider asks to forget the person with this id. Nothing was deleted yet."

SETTLE_SQL = """
WITH settled AS (
    SELECT * FROM json_to_recordset(%s::json) AS s(
        w bigint, id uuid, at bigint, channel text, source text, payload text, warnings text[], attempts smallint)
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n) SELECT w, 'done', count(*) FROM settled GROUP BY w
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, warnings, attempts)
SELECT w, id, to_timestamp(at / 1000.0), 'done', channel, source, convert_to(payload, 'UTF8'), warnings, attempts
FROM settled ORDER BY w, id
"""
KEEP_FETCHES_SQL = """
INSERT INTO source_fetches (workspace_id, id, integration_id, object_id, item)
SELECT w, id, integration, object, item
FROM json_to_recordset(%s::json) AS f(w bigint, id uuid, integration bigint, object text, item jsonb)
ON CONFLICT DO NOTHING
"""


def split_leadless(
    submissions: Sequence[AcceptedSubmission],
) -> tuple[list[AcceptedSubmission], list[AcceptedSubmission]]:
    """Return the submissions that describe a lead, and those that make none."""
    others = [one for one in submissions if (part := one.source_part) and makes_no_lead(one.body, part)]
    if not others:
        return list(submissions), others
    leadless = {id(one) for one in others}
    return [one for one in submissions if id(one) not in leadless], others


async def settle_leadless(
    connection: StatementExecutor, submissions: Sequence[AcceptedSubmission]
) -> list[AcceptedSubmission]:
    """Store submissions that make no lead: as done, as dead, or among the leads to be fetched.

    Return those that are decided: all but the ones to be fetched.
    """
    decided = [one for one in submissions if not _is_fetch(one)]
    done: list[JsonRow] = []
    fetches: list[JsonRow] = []
    for submission in submissions:
        part: SourcePart = submission.source_part or {}
        if _is_fetch(submission):
            fetches.append(_fetch_row(submission, str(part["fetch"])))
        elif part.get("unreadable"):
            await _mark_unreadable(connection, submission, str(part["unreadable"]))
        else:
            if part.get("deletion"):
                submission.warnings = [DELETION_WARNING]
            done.append(_settled_row(submission))
    if done:
        await connection.execute(SETTLE_SQL, (as_json(done),))
    if fetches:
        await connection.execute(KEEP_FETCHES_SQL, (as_json(fetches),))
    return decided


def _is_fetch(submission: AcceptedSubmission) -> bool:
    part: SourcePart = submission.source_part or {}
    return bool(part.get("fetch")) and not part.get("is_test")


def _settled_row(submission: AcceptedSubmission) -> JsonRow:
    record = submission_row(submission)
    return {**record, "payload": orjson.dumps(record["payload"]).decode()}


def _fetch_row(submission: AcceptedSubmission, object_id: str) -> JsonRow:
    return {
        "w": submission.workspace_id,
        "id": submission.id,
        "integration": int(submission.channel.partition(":")[2]),
        "object": object_id,
        "item": encode_submission(submission),
    }


async def _mark_unreadable(connection: StatementExecutor, submission: AcceptedSubmission, reason: str) -> None:
    cause = cause_of_text("submission", reason, error_type="UnreadableBody", place="webhook")
    record = {
        **submission_row(submission),
        "error": f"UnreadableBody: {reason}",
        "hash": submission.body_hash,
        "cause": cause.id,
    }
    log.warning("submission.unreadable", submission_id=submission.id)
    await store_dead_record(connection, record)
    await add_failures(connection, [(submission.workspace_id, cause)])
