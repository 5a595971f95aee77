"""Preview of a replay: what would become of submissions now, as they are or changed. Nothing is stored."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.intake.payload_changes import JsonObject, PayloadDifference, list_differences, replace_payload
from shared.intake.replay import PayloadEdit, SubmissionRef, find_reference
from shared.leads.ingest_simulation import WriteRefused, simulate_replay
from shared.leads.submission import AcceptedSubmission
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound

STORED_SUBMISSION_SQL = """
SELECT (extract(epoch FROM received_at) * 1000)::bigint, channel, source, key_id, payload FROM submissions
WHERE workspace_id = %s AND id = %s AND received_at = %s
"""


@dataclass(frozen=True)
class ReplayPreview:
    """The payload before and after the change, the fields that differ, and what would become of it.

    `outcome` is the answer of a dry run, or null with the `error` that keeps it from being changed or decided.
    """

    id: uuid.UUID
    before: Any
    after: Any
    differences: list[PayloadDifference]
    outcome: dict[str, Any] | None
    error: str | None


async def preview_submission(
    connection: Connection, workspace_id: int, submission_id: uuid.UUID, payload: JsonObject | None = None
) -> ReplayPreview:
    """Return what would become of a decided submission now, with its own payload or with another one.

    The connection is in autocommit mode, outside of a transaction. Raises NotFound.
    """
    submission = await find_reference(connection, workspace_id, submission_id)
    if submission is None:
        raise NotFound
    edit = None if payload is None else lambda before: replace_payload(before, payload)
    [preview] = await preview_references(connection, workspace_id, [submission.reference], edit)
    return preview


async def preview_references(
    connection: Connection, workspace_id: int, references: Sequence[SubmissionRef], edit: PayloadEdit | None
) -> list[ReplayPreview]:
    """Return a preview of each submission that is still there."""
    found = [await _preview_one(connection, workspace_id, reference, edit) for reference in references]
    return [each for each in found if each is not None]


async def _preview_one(
    connection: Connection, workspace_id: int, reference: SubmissionRef, edit: PayloadEdit | None
) -> ReplayPreview | None:
    key = (workspace_id, reference.id, reference.received_at)
    row = await (await connection.execute(STORED_SUBMISSION_SQL, key)).fetchone()
    if row is None:
        return None
    at, channel, source, key_id, stored = row
    before = after = outcome = error = None
    try:
        before = after = orjson.loads(stored)
        after = edit(before) if edit else before
        submission = AcceptedSubmission(
            str(reference.id), at, workspace_id, channel, source, key_id, dict(after), None, "", 0, 0
        )
        outcome = await simulate_replay(connection, submission)
    except WriteRefused as refusal:
        error = str(refusal)[:500]
    except (ValueError, TypeError, AttributeError) as problem:  # a payload of any shape can be stored
        error = f"{type(problem).__name__}: {problem}"[:500]
    return ReplayPreview(reference.id, before, after, list_differences(before, after), outcome, error)
