"""The neighbours of a submission in the list it was opened from: newest first, within the filters in the address."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.intake.submission_filters import submission_conditions
from shared.models import Submission
from shared.platform.db.connections import with_deadline
from shared.platform.web.path_params import MAX_ID

SEARCH_SECONDS = 1.0  # after which a page has no links to its neighbours
MAX_FILTER_LENGTH = 300  # characters
DECIDED_STATES = ("done", "dead", "quarantined", "replayed")
LIST_FILTERS = (
    *("state", "channel", "source", "lead_id", "cause", "received_after", "received_before", "rejected", "search"),
    "is_duplicate",
)


class Neighbours(NamedTuple):
    """The submissions before and after one in the list: the next newer and the next older."""

    previous: uuid.UUID | None = None
    next: uuid.UUID | None = None


def kept_filters(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters of the list in an address, as they are written there."""
    return {name: query[name][:MAX_FILTER_LENGTH] for name in LIST_FILTERS if query.get(name)}


def parse_filters(written: Mapping[str, str]) -> dict[str, Any] | None:
    """Return filters as `submission_conditions` takes them. None if one has no place in a list of decided ones.

    Values that cannot be read are left out.
    """
    if "search" in written or written.get("state") == "accepted":
        return None
    parsed: dict[str, Any] = {name: written[name] for name in ("channel", "source") if name in written}
    if written.get("state") in DECIDED_STATES:
        parsed["state"] = written["state"]
    for name in ("lead_id", "cause"):
        text = written.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID:
            parsed[name] = int(text)
    for name in ("rejected", "is_duplicate"):
        if name in written:
            parsed[name] = written[name] in ("1", "true")
    for name in ("received_after", "received_before"):
        if (moment := _as_time(written.get(name, ""))) is not None:
            parsed[name] = moment
    return parsed


async def find_neighbours(
    engine: AsyncEngine, workspace_id: int, filters: Mapping[str, Any], received_at: datetime, id_: uuid.UUID
) -> Neighbours:
    """Return the neighbours of a decided submission. None of them if the search takes too long."""
    try:
        return await with_deadline(SEARCH_SECONDS, _find_both(engine, workspace_id, filters, (received_at, id_)))
    except TimeoutError:
        return Neighbours()


async def _find_both(
    engine: AsyncEngine, workspace_id: int, filters: Mapping[str, Any], place: tuple[datetime, uuid.UUID]
) -> Neighbours:
    where = (Submission.workspace_id == workspace_id, *submission_conditions(workspace_id, filters))
    columns = tuple_(Submission.received_at, Submission.id)
    newer = select(Submission.id).where(*where, columns > place).order_by(Submission.received_at, Submission.id)
    older = select(Submission.id).where(*where, columns < place)
    older = older.order_by(Submission.received_at.desc(), Submission.id.desc())
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        previous = (await connection.execute(newer.limit(1))).scalar()
        return Neighbours(previous, (await connection.execute(older.limit(1))).scalar())


def _as_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
