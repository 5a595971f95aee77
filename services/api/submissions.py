"""Submissions as the API shows them, wherever they are: decided, in the journal, or in the spool."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import redis.asyncio as redis
from sqlalchemy import ColumnElement, UnaryExpression, Uuid, cast, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, snapshot
from services.api.crud import RecordDict, Resource
from services.api.pages import PageRequest
from services.api.pending_submissions import find_pending, payload_as_sent, pending_record, read_pending
from services.api.schemas.submissions import SubmissionRecord
from shared import ids
from shared.intake.spool import Spool
from shared.models import Activity, Submission, SubmissionKey

SUBMISSION_RESOURCE = Resource(Submission, SubmissionRecord)
NEWEST_FIRST: list[UnaryExpression[Any]] = [Submission.received_at.desc(), Submission.id.desc()]
PENDING_STATE = "accepted"
Conditions = list[ColumnElement[bool]]


async def page_of_submissions(
    connection: AsyncConnection, workspace_id: int, page: PageRequest, asked: Mapping[str, Any]
) -> tuple[list[RecordDict], int]:
    """Return one page, newest first, and the total of decided and pending submissions."""
    where = _query_conditions(workspace_id, asked)
    async with snapshot(
        await driver_connection(connection)
    ):  # a submission decided meanwhile would be shown twice or not at all
        waiting = await read_pending(connection, workspace_id, asked)
        if page.walk:
            found, total = await _cursor_step(connection, workspace_id, page, where, waiting)
        else:
            found, total = await _numbered_page(connection, workspace_id, page, where, waiting)
    return [_public_record(record) for record in found], total


async def _cursor_step(
    connection: AsyncConnection, workspace_id: int, page: PageRequest, where: Conditions, waiting: list[RecordDict]
) -> tuple[list[RecordDict], int]:
    found, n = await SUBMISSION_RESOURCE.read_page(connection, workspace_id, page, *where, order=NEWEST_FIRST)
    if page.walk and (after := page.walk.after):
        place = datetime.fromisoformat(after.value), after.id
        waiting = [record for record in waiting if _position_of(record) < place]
    return _sort_newest_first(found, waiting)[: page.size], n + len(waiting)


async def _numbered_page(
    connection: AsyncConnection, workspace_id: int, page: PageRequest, where: Conditions, waiting: list[RecordDict]
) -> tuple[list[RecordDict], int]:
    """Return a numbered page. Whatever the number of pending submissions ahead of it, its decided ones lie in this
    range."""
    total = await SUBMISSION_RESOURCE.count(connection, workspace_id, *where)
    start, end = max(page.offset - len(waiting), 0), page.offset + page.size
    found: list[RecordDict] = []
    if start < total:
        found = await SUBMISSION_RESOURCE.read_range(connection, workspace_id, start, end, *where, order=NEWEST_FIRST)
    return _sort_newest_first(found, waiting)[page.offset - start : end - start], total + len(waiting)


def _sort_newest_first(found: list[RecordDict], waiting: list[RecordDict]) -> list[RecordDict]:
    return sorted([*found, *waiting], key=_position_of, reverse=True) if waiting else found


def _position_of(record: RecordDict) -> tuple[datetime, str]:
    return record["received_at"], str(record["id"])


def _public_record(record: RecordDict) -> RecordDict:
    return record if record["state"] == PENDING_STATE else {**record, "payload": _decode_payload(record["payload"])}


def _query_conditions(workspace_id: int, asked: Mapping[str, Any]) -> Conditions:
    where: Conditions = [
        getattr(Submission, name) == asked[name]
        for name in ("state", "channel", "source", "is_duplicate")
        if name in asked
    ]
    if asked.get("channel", "inbound") != "inbound":
        where.append(Submission.channel != literal_column("'inbound'"))  # the condition of the channels' index
    if "cause" in asked:  # with the condition of the causes' index
        where += [Submission.state == literal_column("'dead'"), Submission.cause_id == asked["cause"]]
    if "received_after" in asked:
        where.append(Submission.received_at > asked["received_after"])
    if "received_before" in asked:
        where.append(Submission.received_at < asked["received_before"])
    if "lead_id" in asked:
        of_lead = (Activity.workspace_id == workspace_id, Activity.lead_id == asked["lead_id"])
        timeline = select(cast(Activity.data["submission_id"].astext, Uuid)).where(*of_lead)
        where.append(Submission.id.in_(timeline))
    return where


async def find_submission(
    connection: AsyncConnection, spool: Spool, workspace_id: int, wanted: uuid.UUID
) -> RecordDict | None:
    """Return a submission of the workspace with its `key_id`, from the moment it was accepted.

    A submission can move during the search: from the spool to the journal to its row. Searching in the opposite
    direction and back again cannot miss it.
    """
    found = await find_decided(connection, workspace_id, wanted) or await find_pending(connection, workspace_id, wanted)
    found = found or await find_spooled(spool, workspace_id, wanted)
    found = found or await find_pending(connection, workspace_id, wanted)
    return found or await find_decided(connection, workspace_id, wanted)


async def find_spooled(spool: Spool, workspace_id: int, wanted: uuid.UUID) -> RecordDict | None:
    """Return the submission, if it is in the spool."""
    try:
        item = await spool.find_item(str(wanted))
    except redis.RedisError:
        return None
    return pending_record(item) if item and item["w"] == workspace_id else None


async def find_decided(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> RecordDict | None:
    """Return the row. Its time is known from the id or from the key, so that only one partition is read."""
    received_at = ids.received_time(str(wanted))
    if received_at is None:
        of_key = (SubmissionKey.workspace_id == workspace_id, SubmissionKey.id == wanted)
        received_at = (await connection.execute(select(SubmissionKey.received_at).where(*of_key))).scalar()
    if received_at is None:
        return None
    where = (Submission.id == wanted, Submission.received_at == received_at)
    query = SUBMISSION_RESOURCE.select(workspace_id, *where).add_columns(Submission.key_id)
    row = (await connection.execute(query)).mappings().first()
    return {**row, "payload": _decode_payload(row["payload"])} if row else None


def _decode_payload(payload: bytes) -> Any:
    """Return the payload as JSON if it is JSON, otherwise as text."""
    try:
        return payload_as_sent(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
