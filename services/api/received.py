"""Submissions as they are shown, wherever they are: decided, in the journal, or in the spool."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import redis.asyncio as redis
from sqlalchemy import ColumnElement, UnaryExpression, Uuid, cast, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import Page
from services.api.records import Noun, Record
from services.api.shapes.submissions import SubmissionRecord
from shared import ids
from shared.leads.submission import FORM
from shared.models import Activity, JournalRow, Submission, SubmissionKey
from shared.spool import Spool

SUBMISSIONS = Noun(Submission, SubmissionRecord)
NEWEST: list[UnaryExpression[Any]] = [Submission.received_at.desc(), Submission.id.desc()]
EXACT = ("state", "channel", "source", "is_duplicate")
OWNER = "key_id"  # of the key that posted it: known of one that is found, shown of none


async def page_of_submissions(
    connection: AsyncConnection, workspace_id: int, page: Page, asked: Mapping[str, Any]
) -> tuple[list[Record], int]:
    """One page of those decided, newest first, and how many there are. Those that still wait are in no list."""
    where = _filters(workspace_id, asked)
    found, total = await SUBMISSIONS.page(connection, workspace_id, page, *where, order=NEWEST)
    return [{**record, "payload": _readable(record["payload"])} for record in found], total


def _filters(workspace_id: int, asked: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [
        getattr(Submission, name) == asked[name]
        for name in ("state", "channel", "source", "is_duplicate")
        if name in asked
    ]
    if asked.get("channel", "inbound") != "inbound":
        where.append(Submission.channel != literal_column("'inbound'"))  # the condition of the channels' index
    if "received_after" in asked:
        where.append(Submission.received_at > asked["received_after"])
    if "received_before" in asked:
        where.append(Submission.received_at < asked["received_before"])
    if "lead_id" in asked:
        of_lead = (Activity.workspace_id == workspace_id, Activity.lead_id == asked["lead_id"])
        timeline = select(cast(Activity.data["submission_id"].astext, Uuid)).where(*of_lead)
        where.append(Submission.id.in_(timeline))
    return where


async def find(connection: AsyncConnection, spool: Spool, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    """A submission of the workspace with its `key_id`, from the moment it was accepted.

    It moves on while it is looked for: from the spool to the journal to its row. Hence the way back: whoever goes
    through the places in that order cannot pass it by.
    """
    found = await find_decided(connection, workspace_id, wanted) or await find_waiting(connection, workspace_id, wanted)
    found = found or await _find_spooled(spool, workspace_id, wanted)
    found = found or await find_waiting(connection, workspace_id, wanted)
    return found or await find_decided(connection, workspace_id, wanted)


async def _find_spooled(spool: Spool, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    try:
        item = await spool.find(str(wanted))
    except redis.RedisError:
        return None
    return _accepted(item) if item and item["w"] == workspace_id else None


async def find_decided(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    """Its row. The time, known from the id or from the key, leaves one partition to look into."""
    received_at = ids.time_of(str(wanted))
    if received_at is None:
        of_key = (SubmissionKey.workspace_id == workspace_id, SubmissionKey.id == wanted)
        received_at = (await connection.execute(select(SubmissionKey.received_at).where(*of_key))).scalar()
    if received_at is None:
        return None
    where = (Submission.id == wanted, Submission.received_at == received_at)
    query = SUBMISSIONS.select(workspace_id, *where).add_columns(Submission.key_id)
    row = (await connection.execute(query)).mappings().first()
    return {**row, "payload": _readable(row["payload"])} if row else None


async def find_waiting(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    """Its place in the journal, if it is of that workspace."""
    query = select(JournalRow.payload).where(JournalRow.ids.contains([wanted]))
    for (payload,) in await connection.execute(query):
        for item in orjson.loads(payload)["items"]:
            if item["id"] == str(wanted) and item["w"] == workspace_id:
                return _accepted(item)
    return None


def _accepted(item: dict[str, Any]) -> Record:
    """A journal item in the shape of a submission's record: nothing is decided yet."""
    return {
        **dict.fromkeys(SubmissionRecord.__annotations__),
        "id": item["id"],
        "state": "accepted",
        "channel": item["ch"],
        "source": item["src"],
        OWNER: item["k"],
        "payload": _as_sent(item["body"]),
        "attempts": 0,
        "received_at": datetime.fromtimestamp(item["at"] / 1000, UTC),
    }


def _readable(payload: bytes) -> Any:
    """The payload as JSON where it is JSON, else as text."""
    try:
        return _as_sent(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")


def _as_sent(body: Any) -> Any:
    """Of a form's submission, whose body is the lead that it means, the values that the form was filled in with."""
    form = body.get(FORM) if isinstance(body, dict) else None
    return form["values"] if form else body
