"""Search in submissions by id or by a text of the payload: newest first, for two seconds at most.

There is no index for it, since one would cost every submission on its way in. The result says how far it looked.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, select, tuple_
from sqlalchemy.dialects import postgresql

from shared.intake.submission_filters import submission_conditions
from shared.models import Submission
from shared.platform.db.connections import Connection

MAX_SEARCH_SECONDS = 1.7  # seconds, so that a page with a search is there within two
SEARCH_CHUNK_SIZE = 1000  # submissions read in one statement
MAX_FOUND_SUBMISSIONS = 10_000  # found submissions after which a search ends

# Filters that an index answers. The others are looked at row by row, so that a statement reads one chunk and no more.
INDEXED_FILTERS = ("state", "channel", "received_after", "received_before", "rejected")
SEARCH_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]

SubmissionPosition = tuple[datetime, uuid.UUID]


class SearchResult(NamedTuple):
    """The positions that were found, newest first, and the time down to which it looked; None if it looked at all."""

    found: list[SubmissionPosition]
    searched_until: datetime | None


async def search_submissions(
    connection: Connection,
    workspace_id: int,
    filters: Mapping[str, Any],
    *,
    after: SubmissionPosition | None = None,
    limit: int = MAX_FOUND_SUBMISSIONS,
    seconds: float = MAX_SEARCH_SECONDS,
) -> SearchResult:
    """Return the submissions that match the filters, among them `search`: those behind `after` in the order."""
    end = time.monotonic() + seconds
    positions: list[SubmissionPosition] = []
    while True:
        rows = await _read_chunk(connection, workspace_id, filters, after)
        positions += [(at, id_) for id_, at, matches in rows if matches]
        if len(rows) < SEARCH_CHUNK_SIZE:
            return SearchResult(positions[:limit], None)
        after = rows[-1][1], rows[-1][0]
        if len(positions) >= limit or time.monotonic() > end:
            return SearchResult(positions[:limit], positions[limit - 1][0] if len(positions) >= limit else after[0])


async def _read_chunk(
    connection: Connection, workspace_id: int, filters: Mapping[str, Any], after: SubmissionPosition | None
) -> list[Any]:
    indexed = {name: value for name, value in filters.items() if name in INDEXED_FILTERS}
    others = {name: value for name, value in filters.items() if name not in INDEXED_FILTERS}
    where = [Submission.workspace_id == workspace_id, *submission_conditions(workspace_id, indexed)]
    order = (Submission.received_at, Submission.id)
    if after:
        where.append(tuple_(*order) < tuple_(*after))
    matches = and_(*submission_conditions(workspace_id, others))  # the search is the last of them
    query = select(Submission.id, Submission.received_at, matches).where(*where)
    query = query.order_by(*[column.desc() for column in order]).limit(SEARCH_CHUNK_SIZE)
    compiled = query.compile(dialect=SEARCH_DIALECT, compile_kwargs={"render_postcompile": True})
    return await (await connection.execute(str(compiled), dict(compiled.params))).fetchall()
