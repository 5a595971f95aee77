"""Submissions as the API shows them, wherever they are: decided, in the journal, or in the spool."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import redis.asyncio as redis
from sqlalchemy import ColumnElement, UnaryExpression, Uuid, cast, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import Page
from services.api.records import Noun, Record
from services.api.shapes.submissions import SubmissionRecord
from services.api.state import raw, snapshot
from services.api.waiting import accepted, as_sent, find_waiting, read_waiting
from shared import ids
from shared.models import Activity, Submission, SubmissionKey
from shared.spool import Spool

SUBMISSIONS = Noun(Submission, SubmissionRecord)
NEWEST: list[UnaryExpression[Any]] = [Submission.received_at.desc(), Submission.id.desc()]
WAITS = "accepted"
Where = list[ColumnElement[bool]]


async def page_of_submissions(
    connection: AsyncConnection, workspace_id: int, page: Page, asked: Mapping[str, Any]
) -> tuple[list[Record], int]:
    """Return one page, newest first, and the total of decided and pending submissions."""
    where = _filters(workspace_id, asked)
    async with snapshot(await raw(connection)):  # a submission decided meanwhile would be shown twice or not at all
        waiting = await read_waiting(connection, workspace_id, asked)
        if page.walk:
            found, total = await _step(connection, workspace_id, page, where, waiting)
        else:
            found, total = await _numbered(connection, workspace_id, page, where, waiting)
    return [_shown(record) for record in found], total


async def _step(
    connection: AsyncConnection, workspace_id: int, page: Page, where: Where, waiting: list[Record]
) -> tuple[list[Record], int]:
    found, n = await SUBMISSIONS.page(connection, workspace_id, page, *where, order=NEWEST)
    if page.walk and (after := page.walk.after):
        place = datetime.fromisoformat(after.value), after.id
        waiting = [record for record in waiting if _place(record) < place]
    return _newest(found, waiting)[: page.size], n + len(waiting)


async def _numbered(
    connection: AsyncConnection, workspace_id: int, page: Page, where: Where, waiting: list[Record]
) -> tuple[list[Record], int]:
    """Return a numbered page. Whatever the number of pending submissions ahead of it, its decided ones lie in this
    range."""
    total = await SUBMISSIONS.count(connection, workspace_id, *where)
    start, end = max(page.offset - len(waiting), 0), page.offset + page.size
    found: list[Record] = []
    if start < total:
        found = await SUBMISSIONS.stretch(connection, workspace_id, start, end, *where, order=NEWEST)
    return _newest(found, waiting)[page.offset - start : end - start], total + len(waiting)


def _newest(found: list[Record], waiting: list[Record]) -> list[Record]:
    return sorted([*found, *waiting], key=_place, reverse=True) if waiting else found


def _place(record: Record) -> tuple[datetime, str]:
    return record["received_at"], str(record["id"])


def _shown(record: Record) -> Record:
    return record if record["state"] == WAITS else {**record, "payload": _readable(record["payload"])}


def _filters(workspace_id: int, asked: Mapping[str, Any]) -> Where:
    where: Where = [
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
    """Return a submission of the workspace with its `key_id`, from the moment it was accepted.

    A submission can move during the search: from the spool to the journal to its row. Searching in the opposite
    direction and back again cannot miss it.
    """
    found = await find_decided(connection, workspace_id, wanted) or await find_waiting(connection, workspace_id, wanted)
    found = found or await find_spooled(spool, workspace_id, wanted)
    found = found or await find_waiting(connection, workspace_id, wanted)
    return found or await find_decided(connection, workspace_id, wanted)


async def find_spooled(spool: Spool, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    """Return the submission, if it is in the spool."""
    try:
        item = await spool.find(str(wanted))
    except redis.RedisError:
        return None
    return accepted(item) if item and item["w"] == workspace_id else None


async def find_decided(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> Record | None:
    """Return the row. Its time is known from the id or from the key, so that only one partition is read."""
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


def _readable(payload: bytes) -> Any:
    """Return the payload as JSON if it is JSON, otherwise as text."""
    try:
        return as_sent(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
