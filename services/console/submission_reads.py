"""What the pages about submissions read: a page of the list, what a search finds, and how many are new."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy import Select, and_, case, false, func, select, true, tuple_

from services.console.submission_query import SubmissionFilters, as_submission_id
from shared.db.connections import Connection, snapshot
from shared.intake.pending_submissions import read_pending
from shared.intake.replay import find_reference
from shared.intake.submission_filters import submission_conditions
from shared.intake.submission_search import INDEXED_FILTERS, SubmissionPosition, search_submissions
from shared.jobs.job_targets import driver_statement
from shared.models import Cause, Submission

PAGE_SIZE = 50  # rows of a page
MAX_LISTED_PAYLOAD = 64 << 10  # bytes of a payload in which a list looks for the person
MAX_COUNTED_NEW = 5_000  # newer rows that are looked at for the number of new ones
LAST_ID = uuid.UUID(int=2**128 - 1)

NEWEST_FIRST = (Submission.received_at.desc(), Submission.id.desc())
POSITION_COLUMNS = (Submission.received_at, Submission.id)
ROW_NAMES = (
    *("id", "received_at", "state", "channel", "source", "lead_id", "is_duplicate", "matched_on", "changes"),
    *("warnings", "attempts", "processed_at", "spam", "rejected_at", "cause_id"),
)

SubmissionDict = dict[str, Any]


@dataclass(frozen=True)
class SubmissionPage:
    """Rows, newest first. `total` is exact; a search has none, but a time down to which it looked (None: to the end).

    `ahead` rows are newer than the first one.
    """

    rows: list[SubmissionDict]
    total: int | None = None
    ahead: int = 0
    has_older: bool = False
    searched_until: datetime | None = None

    @property
    def first(self) -> SubmissionPosition | None:
        """The place of the first row."""
        return position_of(self.rows[0]) if self.rows else None

    @property
    def last(self) -> SubmissionPosition | None:
        """The place of the last row."""
        return position_of(self.rows[-1]) if self.rows else None


def position_of(row: SubmissionDict) -> SubmissionPosition:
    """Return the place of a row in the list."""
    return row["received_at"], uuid.UUID(str(row["id"]))


async def read_submission_page(
    connection: Connection,
    workspace_id: int,
    filters: SubmissionFilters,
    *,
    older_than: SubmissionPosition | None = None,
    newer_than: SubmissionPosition | None = None,
) -> SubmissionPage:
    """Return a page of the list behind or before a place, else the first one. Waiting submissions are in it."""
    async with snapshot(connection):  # a submission decided meanwhile would be shown twice or not at all
        waiting = await read_pending(connection, workspace_id, filters)
        query = _row_query(workspace_id, filters)
        if newer_than:
            query = query.where(tuple_(*POSITION_COLUMNS) > tuple_(*newer_than)).order_by(*POSITION_COLUMNS)
            waiting_here = [row for row in waiting if position_of(row) > newer_than]
        else:
            query = query.order_by(*NEWEST_FIRST)
            waiting_here = waiting
        if older_than and not newer_than:
            query = query.where(tuple_(*POSITION_COLUMNS) < tuple_(*older_than))
            waiting_here = [row for row in waiting if position_of(row) < older_than]
        found = await _fetch_rows(connection, query.limit(PAGE_SIZE + 1))
        found = sorted([*found, *waiting_here], key=position_of, reverse=newer_than is None)
        has_more, shown = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        if newer_than:
            shown.reverse()
        first = position_of(shown[0]) if shown and (older_than or newer_than) else None
        total, ahead = await _count_rows(connection, workspace_id, filters, first)
    if first:
        ahead += sum(position_of(row) > first for row in waiting)
    return SubmissionPage(shown, total + len(waiting), ahead, has_more or newer_than is not None)


async def search_submission_page(
    connection: Connection,
    workspace_id: int,
    filters: SubmissionFilters,
    *,
    older_than: SubmissionPosition | None = None,
    limit: int = PAGE_SIZE,
    seconds: float | None = None,
) -> SubmissionPage:
    """Return what a search finds behind a place, within two seconds or fewer. An id is found wherever it is."""
    bounds = {} if seconds is None else {"seconds": seconds}
    async with snapshot(connection):
        waiting = await read_pending(connection, workspace_id, filters)
        places, until = await search_submissions(
            connection, workspace_id, filters, after=older_than, limit=limit + 1, **bounds
        )
        direct = await _find_direct(connection, workspace_id, filters["search"]) if older_than is None else None
        if direct and direct not in places:
            places = [direct, *places]
        found = await _rows_at(connection, workspace_id, places)
    waiting = [row for row in waiting if older_than is None or position_of(row) < older_than]
    found = sorted([*found, *waiting], key=position_of, reverse=True)
    has_older = len(found) > limit
    return SubmissionPage(found[:limit], None, 0, has_older, None if has_older else until)


async def _find_direct(connection: Connection, workspace_id: int, text: str) -> SubmissionPosition | None:
    wanted = as_submission_id(text)
    found = await find_reference(connection, workspace_id, wanted) if wanted else None
    return (found.reference.received_at, found.reference.id) if found else None


async def _rows_at(
    connection: Connection, workspace_id: int, places: Sequence[SubmissionPosition]
) -> list[SubmissionDict]:
    if not places:
        return []
    times, ids = [at for at, _ in places], [id_ for _, id_ in places]
    query = _row_query(workspace_id, {"ids": ids}).where(Submission.received_at.in_(times))
    return await _fetch_rows(connection, query)


def _row_query(workspace_id: int, filters: SubmissionFilters) -> Select[Any]:
    """Return the query for rows, without the largest payloads, and with the title of the cause of dead ones."""
    payload = case((func.octet_length(Submission.payload) <= MAX_LISTED_PAYLOAD, Submission.payload)).label("payload")
    columns = [getattr(Submission, name) for name in ROW_NAMES]
    of_cause = and_(Cause.workspace_id == Submission.workspace_id, Cause.id == Submission.cause_id)
    query = select(*columns, payload, Cause.title.label("cause_title"), Cause.error_type.label("error_type"))
    query = query.select_from(Submission).outerjoin(Cause, of_cause)
    return query.where(Submission.workspace_id == workspace_id, *submission_conditions(workspace_id, filters))


async def _fetch_rows(connection: Connection, query: Select[Any]) -> list[SubmissionDict]:
    statement, values = driver_statement(query)
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()


async def _count_rows(
    connection: Connection, workspace_id: int, filters: SubmissionFilters, first: SubmissionPosition | None
) -> tuple[int, int]:
    """Return how many decided submissions match, and how many of them are newer than a place."""
    newer = tuple_(*POSITION_COLUMNS) > tuple_(*first) if first else false()
    query = select(func.count(), func.count().filter(newer)).select_from(Submission)
    query = query.where(Submission.workspace_id == workspace_id, *submission_conditions(workspace_id, filters))
    statement, values = driver_statement(query)
    row = await (await connection.execute(statement, values)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


class NewRowCount:
    """The number of decided submissions that match and are newer than a place.

    It looks at 5,000 newer rows at most, and at none any more once there are so many: then `is_full`.
    """

    def __init__(self, workspace_id: int, filters: SubmissionFilters, first: SubmissionPosition) -> None:
        self.n = 0
        self.is_full = False
        indexed = {name: value for name, value in filters.items() if name in INDEXED_FILTERS}
        others = {name: value for name, value in filters.items() if name not in INDEXED_FILTERS}
        matches = and_(true(), *submission_conditions(workspace_id, others)).label("matches")
        newer = select(matches).where(
            Submission.workspace_id == workspace_id,
            *submission_conditions(workspace_id, indexed),
            tuple_(*POSITION_COLUMNS) > tuple_(*first),
        )
        looked_at = newer.order_by(*POSITION_COLUMNS).limit(MAX_COUNTED_NEW).subquery()
        counted = select(func.count().filter(looked_at.c.matches), func.count()).select_from(looked_at)
        self._statement = driver_statement(counted)

    async def read(self, connection: Connection) -> "NewRowCount":
        """Count again."""
        if not self.is_full:
            row = await (await connection.execute(*self._statement)).fetchone()
            self.n, looked_at = (row[0], row[1]) if row else (0, 0)
            self.is_full = looked_at >= MAX_COUNTED_NEW
        return self
