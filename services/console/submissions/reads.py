"""What the pages about submissions read: a page of the list, what a search finds, and how many are new."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row
from sqlalchemy import ColumnElement, Select, and_, case, func, select, true, tuple_

from services.console.submissions.query import SubmissionFilters, as_submission_id
from shared.intake.pending_submissions import read_pending
from shared.intake.replay import find_reference
from shared.intake.submission_filters import submission_conditions
from shared.intake.submission_search import INDEXED_FILTERS, SubmissionPosition, search_submissions
from shared.jobs.job_targets import driver_statement
from shared.models import Cause, Submission
from shared.platform.db.connections import Connection, snapshot

PAGE_SIZE = 50  # rows of a page
MAX_LISTED_PAYLOAD = 64 << 10  # bytes of a payload in which a list looks for the person
MAX_COUNTED = 10_000  # rows of a list up to which it is counted exactly
MAX_COUNTED_NEW = 5_000  # newer rows that are looked at for the number of new ones
# Lists of these states are counted exactly whatever their size: all that match can be selected in them.
EXACT_STATES = ("dead", "quarantined", "accepted")
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
    """Rows, newest first. `total` is how many match, and `ahead` how many of them are newer than the first one.

    Counting may end at 10,000: then `has_more_rows` and `has_more_ahead` say that there are more. A search has no
    total, but a time down to which it looked (None: to the end). With `is_direct` it found the submission by its id,
    and looked no further.
    """

    rows: list[SubmissionDict]
    total: int | None = None
    ahead: int = 0
    has_older: bool = False
    searched_until: datetime | None = None
    has_more_rows: bool = False
    has_more_ahead: bool = False
    is_direct: bool = False

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
        decided = await _fetch_rows(connection, query.limit(PAGE_SIZE + 1))
        found = sorted([*decided, *waiting_here], key=position_of, reverse=newer_than is None)
        has_more, shown = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        if newer_than:
            shown.reverse()
        is_first = not older_than and not newer_than
        first = position_of(shown[0]) if shown and not is_first else None
        is_whole = is_first and not has_more
        counts = RowCounts(len(decided)) if is_whole else await _count_rows(connection, workspace_id, filters, first)
    return SubmissionPage(
        shown,
        counts.total + len(waiting),
        counts.ahead + sum(position_of(row) > first for row in waiting if first),
        has_more or newer_than is not None,
        has_more_rows=counts.has_more_rows,
        has_more_ahead=counts.has_more_ahead,
    )


async def search_submission_page(
    connection: Connection,
    workspace_id: int,
    filters: SubmissionFilters,
    *,
    older_than: SubmissionPosition | None = None,
    limit: int = PAGE_SIZE,
    seconds: float | None = None,
) -> SubmissionPage:
    """Return what a search finds behind a place, within two seconds or fewer.

    An id is found wherever it is, at once: payloads are searched for it only behind a place.
    """
    bounds = {} if seconds is None else {"seconds": seconds}
    async with snapshot(connection):
        wanted = as_submission_id(filters["search"]) if older_than is None else None
        direct = await _find_decided(connection, workspace_id, wanted) if wanted else []
        waiting = [] if direct else await read_pending(connection, workspace_id, filters)
        direct = direct or [row for row in waiting if str(row["id"]) == str(wanted)]
        if direct:
            return SubmissionPage(direct, searched_until=datetime.now(UTC), is_direct=True)
        places, until = await search_submissions(
            connection, workspace_id, filters, after=older_than, limit=limit + 1, **bounds
        )
        rows = await _rows_at(connection, workspace_id, places)
    waiting = [row for row in waiting if older_than is None or position_of(row) < older_than]
    rows = sorted([*rows, *waiting], key=position_of, reverse=True)
    has_older = len(rows) > limit
    return SubmissionPage(rows[:limit], None, 0, has_older, None if has_older else until)


async def _find_decided(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> list[SubmissionDict]:
    submission = await find_reference(connection, workspace_id, wanted)
    if submission is None:
        return []
    return await _rows_at(connection, workspace_id, [(submission.reference.received_at, submission.reference.id)])


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


class RowCounts(NamedTuple):
    """How many decided submissions match, and how many of them are newer than a place. There may be more than that."""

    total: int
    ahead: int = 0
    has_more_rows: bool = False
    has_more_ahead: bool = False


async def _count_rows(
    connection: Connection, workspace_id: int, filters: SubmissionFilters, first: SubmissionPosition | None
) -> RowCounts:
    """Return the counts. Those ahead come first: if they are too many, so are all."""
    is_exact = "cause" in filters or filters.get("state") in EXACT_STATES
    limit = None if is_exact else MAX_COUNTED + 1
    where = [Submission.workspace_id == workspace_id, *submission_conditions(workspace_id, filters)]
    ahead = await _count_up_to(connection, limit, *where, tuple_(*POSITION_COLUMNS) > tuple_(*first)) if first else 0
    total = ahead if ahead == limit else await _count_up_to(connection, limit, *where)
    if is_exact:
        return RowCounts(total, ahead)
    return RowCounts(min(total, MAX_COUNTED), min(ahead, MAX_COUNTED), total > MAX_COUNTED, ahead > MAX_COUNTED)


async def _count_up_to(connection: Connection, limit: int | None, *where: ColumnElement[bool]) -> int:
    """Return how many rows match. With a limit in the order of an index, which is read no further, by one process."""
    rows = select(Submission.received_at).where(*where)
    if limit is not None:
        rows = rows.order_by(Submission.received_at.desc()).limit(limit)
    statement, values = driver_statement(select(func.count()).select_from(rows.subquery()))
    row = await (await connection.execute(statement, values)).fetchone()
    return int(row[0]) if row else 0


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
