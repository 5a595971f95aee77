"""Finds one submission wherever it is: decided, in the journal, waiting for its lead to be fetched, or in the spool."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import redis.asyncio as redis
from psycopg.rows import dict_row

from shared.intake.replay import find_reference
from shared.intake.spool import Spool
from shared.intake.submission_versions import original_payload
from shared.leads.source_part import raw_bytes
from shared.leads.submission import FORM_KEY, SOURCE_KEY, without_visitor
from shared.platform import ids
from shared.platform.db.connections import Connection

SubmissionDict = dict[str, Any]
SubmissionPlace = Literal["decided", "journal", "fetching", "spool"]

KEY_ID_FIELD = "key_id"  # id of the key that posted it: part of a found submission, but never shown
RECORD_FIELDS = (
    *("id", "state", "channel", "source", "lead_id", "is_duplicate", "matched_on", "payload", "changes", "warnings"),
    *("error", "attempts", "received_at", "processed_at", "spam", "rejected_at"),
)

# Its time is known from the id or from the key, so that only one partition is read.
DECIDED_SQL = f"""
SELECT {", ".join(RECORD_FIELDS)}, {KEY_ID_FIELD}, cause_id FROM submissions
WHERE workspace_id = %(workspace)s AND id = %(id)s AND received_at = coalesce(
    %(at)s::timestamptz, (SELECT received_at FROM submission_keys WHERE workspace_id = %(workspace)s AND id = %(id)s))
"""
# One statement: between two, a submission could move from the one place to the other.
PENDING_ROWS_SQL = """
SELECT payload, NULL::jsonb, attempts, NULL FROM journal WHERE ids @> ARRAY[%(id)s]::uuid[]
UNION ALL
SELECT NULL, item, attempts, last_error FROM source_fetches WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
STORED_PAYLOAD_SQL = "SELECT payload FROM submissions WHERE workspace_id = %s AND id = %s AND received_at = %s"


@dataclass(frozen=True)
class FoundSubmission:
    """A submission and its place. `record` is what records show of it, with the id of its key.

    `stored` is the payload that would be ingested now, as JSON. Of a pending one it is written again from the journal.
    """

    place: SubmissionPlace
    record: SubmissionDict
    stored: bytes
    cause_id: int | None = None


async def find_submission(
    connection: Connection, spool: Spool, workspace_id: int, wanted: uuid.UUID
) -> FoundSubmission | None:
    """Return a submission of the workspace, from the moment it was accepted.

    A submission can move during the search: from the spool to the journal to its row, or from the journal to the leads
    to be fetched and back. Searching in the opposite direction and back again cannot miss it.
    """
    record = await find_decided(connection, workspace_id, wanted)
    record = record or await find_pending(connection, workspace_id, wanted)
    record = record or await find_spooled(spool, workspace_id, wanted)
    record = record or await find_pending(connection, workspace_id, wanted)
    return record or await find_decided(connection, workspace_id, wanted)


async def find_decided(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> FoundSubmission | None:
    """Return a submission that is decided."""
    values = {"workspace": workspace_id, "id": wanted, "at": ids.received_time(str(wanted))}
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(DECIDED_SQL, values)).fetchone()
    if row is None:
        return None
    stored, cause_id = bytes(row["payload"]), row.pop("cause_id")
    return FoundSubmission("decided", {**row, **decode_payload(stored)}, stored, cause_id)


async def find_pending(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> FoundSubmission | None:
    """Return a submission that waits in the journal, or for its lead to be fetched."""
    asked = {"workspace": workspace_id, "id": wanted}
    for payload, waiting, attempts, problem in await (await connection.execute(PENDING_ROWS_SQL, asked)).fetchall():
        if waiting is not None:
            return FoundSubmission(
                "fetching", fetching_record(waiting, attempts, problem), orjson.dumps(waiting["body"])
            )
        for item in workspace_items(payload, workspace_id):
            if item["id"] == str(wanted):
                stored = orjson.dumps(without_visitor(item["body"]))
                return FoundSubmission("journal", pending_record(item, attempts), stored)
    return None


async def find_spooled(spool: Spool, workspace_id: int, wanted: uuid.UUID) -> FoundSubmission | None:
    """Return a submission that is in the spool, also while the database is away."""
    try:
        item = await spool.find_item(str(wanted))
    except redis.RedisError:
        return None
    if not item or item["w"] != workspace_id:
        return None
    return FoundSubmission("spool", pending_record(item), orjson.dumps(without_visitor(item["body"])))


async def find_payload(connection: Connection, spool: Spool, workspace_id: int, wanted: uuid.UUID) -> bytes | None:
    """Return the payload of a submission as it came: the bytes of a provider's request, where they are kept with it.

    Of a pending one it is written again from what is stored.
    """
    stored = await _find_stored_payload(connection, spool, workspace_id, wanted)
    return as_received(stored) if stored else None


def as_received(stored: bytes) -> bytes:
    """Return the bytes of the provider's request that a stored payload holds, otherwise the payload."""
    if SOURCE_KEY.encode() not in stored:
        return stored
    body = orjson.loads(stored)
    raw = body.get(SOURCE_KEY, {}).get("raw") if isinstance(body, dict) else None
    return raw_bytes(raw) if raw else stored


async def _find_stored_payload(
    connection: Connection, spool: Spool, workspace_id: int, wanted: uuid.UUID
) -> bytes | None:
    if original := await original_payload(connection, workspace_id, wanted):
        return original
    if found := await find_reference(connection, workspace_id, wanted):
        key = (workspace_id, wanted, found.reference.received_at)
        if row := await (await connection.execute(STORED_PAYLOAD_SQL, key)).fetchone():
            return bytes(row[0])
    pending = await find_submission(connection, spool, workspace_id, wanted)
    return pending.stored if pending else None


def pending_record(item: Mapping[str, Any], attempts: int = 0) -> SubmissionDict:
    """Return a journal item as a submission record, of which nothing is decided yet. `attempts` have failed."""
    return {
        **dict.fromkeys(RECORD_FIELDS),
        "id": item["id"],
        "state": "accepted",
        "channel": item["ch"],
        "source": item["src"],
        KEY_ID_FIELD: item["k"],
        **shown_body(item["body"]),
        "attempts": attempts,
        "received_at": datetime.fromtimestamp(item["at"] / 1000, UTC),
    }


def fetching_record(item: Mapping[str, Any], attempts: int, problem: str | None) -> SubmissionDict:
    """Return the item of a submission whose lead waits to be fetched as a record. Its `warnings` say why it waits."""
    return {**pending_record(item, attempts), "warnings": [problem] if problem else None}


def workspace_items(payload: bytes, workspace_id: int) -> list[dict[str, Any]]:
    """Return the items of a workspace in the document of a journal row."""
    return [item for item in orjson.loads(payload)["items"] if item["w"] == workspace_id]


def payload_as_sent(body: Any) -> Any:
    """Return the payload as it was sent, instead of the lead made of it: a form's values, or a provider's document."""
    if not isinstance(body, dict):
        return body
    if form := body.get(FORM_KEY):
        return form["values"]
    part = body.get(SOURCE_KEY)
    return part["document"] if part and "document" in part else body


def shown_body(body: Any) -> SubmissionDict:
    """Return what records show of a body: the `payload` as it was sent, the `attribution`, and whether `is_test`."""
    part = (body.get(SOURCE_KEY) if isinstance(body, dict) else None) or {}
    form = (body.get(FORM_KEY) if isinstance(body, dict) else None) or {}
    return {
        "payload": payload_as_sent(body),
        "attribution": part.get("attribution") or form.get("attribution"),
        "is_test": bool(part.get("is_test")),
    }


def decode_payload(payload: bytes) -> SubmissionDict:
    """Return what records show of a stored payload, see `shown_body`. One that is no JSON is shown as text."""
    try:
        return shown_body(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return shown_body(payload.decode(errors="replace"))
