"""Lists of submissions as the API shows them: those that are decided among those that wait in the journal."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import UnaryExpression
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection
from services.api.crud import RecordDict, Resource
from services.api.pages import PageRequest
from services.api.schemas.submissions import SubmissionRecord
from shared.intake.pending_submissions import read_pending
from shared.intake.submission_filters import SubmissionConditions as Conditions
from shared.intake.submission_filters import submission_conditions
from shared.intake.submission_lookup import decode_payload
from shared.intake.submission_search import MAX_FOUND_SUBMISSIONS, search_submissions
from shared.models import Submission
from shared.platform.db.connections import snapshot

SUBMISSION_RESOURCE = Resource(Submission, SubmissionRecord)
NEWEST_FIRST: list[UnaryExpression[Any]] = [Submission.received_at.desc(), Submission.id.desc()]
PENDING_STATE = "accepted"


async def page_of_submissions(
    connection: AsyncConnection, workspace_id: int, page: PageRequest, query: Mapping[str, Any]
) -> tuple[list[RecordDict], int]:
    """Return one page, newest first, and the total of decided and pending submissions."""
    where = submission_conditions(workspace_id, query)
    database = await driver_connection(connection)
    async with snapshot(database):  # a submission decided meanwhile would be shown twice or not at all
        waiting = await read_pending(database, workspace_id, query)
        if page.walk:
            records, total = await _cursor_step(connection, workspace_id, page, where, waiting)
        else:
            records, total = await _numbered_page(connection, workspace_id, page, where, waiting)
    return [_public_record(record) for record in records], total


async def search_page(
    connection: AsyncConnection, workspace_id: int, page: PageRequest, query: Mapping[str, Any]
) -> tuple[list[RecordDict], int, datetime | None]:
    """Return one page of what a search finds, the total, and the time down to which it looked (None: all)."""
    after, limit = None, MAX_FOUND_SUBMISSIONS
    if page.walk:
        limit = page.size + 1
        place = page.walk.after
        after = (datetime.fromisoformat(str(place.value)), uuid.UUID(str(place.id))) if place else None
    database = await driver_connection(connection)
    async with snapshot(database):
        waiting = await read_pending(database, workspace_id, query)
        found, until = await search_submissions(database, workspace_id, query, after=after, limit=limit)
    pending = {_position_of(record): record for record in waiting}
    places = sorted([*((at, str(id_)) for at, id_ in found), *pending], reverse=True)
    if after:
        places = [place for place in places if place < (after[0], str(after[1]))]
    shown = places[: page.size] if page.walk else places[page.offset : page.offset + page.size]
    records = await _records_at(connection, workspace_id, [place for place in shown if place not in pending])
    return (
        [pending.get(place) or records[place] for place in shown if place in pending or place in records],
        len(places),
        until,
    )


async def _records_at(
    connection: AsyncConnection, workspace_id: int, places: list[tuple[datetime, str]]
) -> dict[tuple[datetime, str], RecordDict]:
    where = (
        Submission.id.in_([uuid.UUID(id_) for _, id_ in places]),
        Submission.received_at.in_([at for at, _ in places]),
    )
    rows = (await connection.execute(SUBMISSION_RESOURCE.select(workspace_id, *where))).mappings() if places else ()
    return {_position_of(dict(row)): _public_record(dict(row)) for row in rows}


async def _cursor_step(
    connection: AsyncConnection,
    workspace_id: int,
    page: PageRequest,
    where: Conditions,
    waiting: list[RecordDict],
) -> tuple[list[RecordDict], int]:
    records, n = await SUBMISSION_RESOURCE.read_page(connection, workspace_id, page, *where, order=NEWEST_FIRST)
    if page.walk and (after := page.walk.after):
        place = datetime.fromisoformat(after.value), after.id
        waiting = [record for record in waiting if _position_of(record) < place]
    return _sort_newest_first(records, waiting)[: page.size], n + len(waiting)


async def _numbered_page(
    connection: AsyncConnection,
    workspace_id: int,
    page: PageRequest,
    where: Conditions,
    waiting: list[RecordDict],
) -> tuple[list[RecordDict], int]:
    """Return a numbered page. Whatever the number of pending submissions ahead of it, its decided ones lie in this
    range."""
    total = await SUBMISSION_RESOURCE.count(connection, workspace_id, *where)
    start, end = max(page.offset - len(waiting), 0), page.offset + page.size
    records: list[RecordDict] = []
    if start < total:
        records = await SUBMISSION_RESOURCE.read_range(connection, workspace_id, start, end, *where, order=NEWEST_FIRST)
    return _sort_newest_first(records, waiting)[page.offset - start : end - start], total + len(waiting)


def _sort_newest_first(found: list[RecordDict], waiting: list[RecordDict]) -> list[RecordDict]:
    return sorted([*found, *waiting], key=_position_of, reverse=True) if waiting else found


def _position_of(record: RecordDict) -> tuple[datetime, str]:
    return record["received_at"], str(record["id"])


def _public_record(record: RecordDict) -> RecordDict:
    return record if record["state"] == PENDING_STATE else {**record, **decode_payload(record["payload"])}
