"""Jobs, their rows and examples as the console reads them."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy import select

from services.console.bulk_filters import BulkSelection
from shared.db.connections import Connection
from shared.intake.payload_changes import PayloadDifference, changed_payload
from shared.intake.replay import SubmissionRef
from shared.jobs.job_control import JOB_COLUMNS, JobRow, read_afterwards, read_job
from shared.jobs.job_targets import count_targets, driver_statement, first_targets, read_clock, targets_query
from shared.jobs.preview import preview_references
from shared.models import Delivery

JobGroup = Literal["all", "active", "ended"]
OutcomeFilter = Literal["failed", "skipped", "done", "waiting", "all"]

NEWEST_FIRST: tuple[OutcomeFilter, ...] = ("failed", "skipped", "done")

EXAMPLE_ROWS = 3
JOBS_PAGE_SIZE = 50
ITEMS_PAGE_SIZE = 50
OUTCOMES_PAGE_SIZE = 1000  # rows that are read at once for a file
NAME_LENGTH = 120  # characters of a name that is shown

COUNT_JOBS_SQL = """
SELECT count(*), count(*) FILTER (WHERE finished_at IS NULL) FROM jobs WHERE workspace_id = %s
"""
# Those that have not ended come first, then the newest.
LIST_JOBS_SQL = f"""
SELECT {", ".join(JOB_COLUMNS)} FROM jobs
WHERE workspace_id = %(workspace)s AND (%(group)s = 'all' OR (finished_at IS NULL) = (%(group)s = 'active'))
ORDER BY finished_at IS NULL DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  # constants only
_ITEMS_SQL = """
SELECT i.id, i.submission_id, i.delivery_id, i.outcome, i.error, i.handled_at, s.payload, s.state, d.kind, d.event,
       d.state, i.lead_id, json_build_object('first_name', l.first_name, 'last_name', l.last_name, 'email', l.email,
                                             'phone', l.phone)
FROM job_items i
LEFT JOIN submissions s ON s.workspace_id = i.workspace_id AND s.id = i.submission_id
    AND s.received_at = i.received_at
LEFT JOIN deliveries d ON d.workspace_id = i.workspace_id AND d.id = i.delivery_id
LEFT JOIN leads l ON l.workspace_id = i.workspace_id AND l.id = i.lead_id
WHERE i.workspace_id = %(workspace)s AND i.job_id = %(job)s
"""
# Those that are handled are listed from the newest, and not looked for among those to come.
LIST_HANDLED_SQL = f"""{_ITEMS_SQL}
  AND i.id <= %(position)s AND (%(after)s = 0 OR i.id < %(after)s) AND i.outcome = %(outcome)s
ORDER BY i.id DESC LIMIT %(limit)s
"""
LIST_ITEMS_SQL = f"""{_ITEMS_SQL}
  AND i.id > %(after)s AND (%(outcome)s = 'all' OR i.outcome IS NULL)
ORDER BY i.id LIMIT %(limit)s
"""
READ_OUTCOMES_SQL = """
SELECT id, coalesce(submission_id::text, delivery_id::text, lead_id::text), outcome, error, handled_at FROM job_items
WHERE workspace_id = %(workspace)s AND job_id = %(job)s AND id > %(after)s
  AND (%(outcome)s = 'all' OR outcome = %(outcome)s OR (%(outcome)s = 'waiting' AND outcome IS NULL))
ORDER BY id LIMIT %(limit)s
"""
RECORD_NAMES_SQL = {
    "cause": "SELECT id, title FROM causes WHERE workspace_id = %s AND id = ANY(%s)",
    "integration_id": "SELECT id, name FROM integrations WHERE workspace_id = %s AND id = ANY(%s)",
    "pipeline_id": "SELECT id, name FROM pipelines WHERE workspace_id = %s AND id = ANY(%s)",
    "stage_id": "SELECT id, name FROM pipeline_stages WHERE workspace_id = %s AND id = ANY(%s)",
    "assigned_user_id": "SELECT id, name FROM users WHERE workspace_id = %s AND id = ANY(%s)",
}


@dataclass(frozen=True)
class BulkCount:
    """The exact number of rows that match at a moment of the database's clock."""

    count: int
    counted_at: datetime


@dataclass(frozen=True)
class BulkExample:
    """One of the rows: who it is, what would change in it, and what would become of it."""

    id: uuid.UUID | int
    at: datetime
    person: str
    contact: str
    differences: Sequence[PayloadDifference] = ()
    outcome: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True)
class ItemRow:
    """A row of a job. `state` is how its submission or delivery stands now."""

    id: int
    submission_id: uuid.UUID | None
    delivery_id: int | None
    outcome: str | None
    error: str | None
    handled_at: datetime | None
    person: str
    contact: str
    state: str | None
    lead_id: int | None = None


@dataclass(frozen=True)
class ItemsPage:
    """Rows of a job, and whether there are more behind them."""

    items: Sequence[ItemRow] = ()
    has_more: bool = False


class OutcomeRow(NamedTuple):
    """What became of a row of a job, for a file. `object_id` is that of its submission or delivery."""

    id: int
    object_id: str | None
    outcome: str | None
    message: str | None
    handled_at: datetime | None


@dataclass(frozen=True)
class JobSnapshot:
    """A job at a moment, with what became of its submissions afterwards."""

    job: JobRow
    afterwards: Mapping[str, int] | None


async def count_selection(
    connection: Connection, workspace_id: int, selection: BulkSelection, as_of: datetime | None = None
) -> BulkCount:
    """Return how many rows match now, or of those that matched at a moment how many match still."""
    counted_at = as_of or await read_clock(connection)
    return BulkCount(
        await count_targets(connection, selection.kind, workspace_id, selection.filters, as_of), counted_at
    )


async def read_examples(connection: Connection, workspace_id: int, selection: BulkSelection) -> list[BulkExample]:
    """Return the first rows, those of submissions with what would become of them. The connection is in autocommit."""
    if selection.kind == "deliveries":
        return await _delivery_examples(connection, workspace_id, selection)
    targets = await first_targets(connection, selection.kind, workspace_id, selection.filters, EXAMPLE_ROWS)
    references = [SubmissionRef(id_, received_at) for id_, received_at in targets]
    times = dict(targets)
    changes = selection.changes
    edit = (lambda payload: changed_payload(payload, changes)) if changes else None
    previews = await preview_references(connection, workspace_id, references, edit)
    return [
        BulkExample(each.id, times[each.id], *person_of(each.before), each.differences, each.outcome, each.error)
        for each in previews
    ]


async def _delivery_examples(connection: Connection, workspace_id: int, selection: BulkSelection) -> list[BulkExample]:
    targets = targets_query(selection.kind, workspace_id, selection.filters).subquery()
    query = (
        select(Delivery.id, Delivery.created_at, Delivery.kind, Delivery.event, Delivery.error)
        .where(Delivery.workspace_id == workspace_id, Delivery.id.in_(select(targets.c.delivery_id)))
        .order_by(Delivery.created_at, Delivery.id)
        .limit(EXAMPLE_ROWS)
    )
    statement, values = driver_statement(query)
    rows = await (await connection.execute(statement, values)).fetchall()
    return [BulkExample(id_, at, kind, event or "", error=error) for id_, at, kind, event, error in rows]


async def read_record_names(connection: Connection, workspace_id: int, filters: Mapping[str, Any]) -> dict[str, str]:
    """Return what people call the records whose ids a filter holds, by filter."""
    [names] = await read_names_of_all(connection, workspace_id, [filters])
    return names


async def read_names_of_all(
    connection: Connection, workspace_id: int, selections: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Return the same for many selections, in their order, with one query for each kind of record."""
    found: dict[tuple[str, int], str] = {}
    for name, statement in RECORD_NAMES_SQL.items():
        ids = list({filters[name] for filters in selections if filters.get(name) is not None})
        if ids:
            rows = await (await connection.execute(statement.encode(), (workspace_id, ids))).fetchall()
            found |= {(name, id_): str(text) for id_, text in rows if text}
    return [
        {name: found[name, filters[name]] for name in RECORD_NAMES_SQL if (name, filters.get(name)) in found}
        for filters in selections
    ]


async def count_jobs(connection: Connection, workspace_id: int) -> dict[JobGroup, int]:
    """Return the number of jobs by group."""
    row = await (await connection.execute(COUNT_JOBS_SQL, (workspace_id,))).fetchone()
    total, active = row if row else (0, 0)
    return {"all": total, "active": active, "ended": total - active}


async def list_jobs(connection: Connection, workspace_id: int, group: JobGroup, page: int) -> list[JobRow]:
    """Return a page of jobs, counted from 1: those that have not ended first, then the newest."""
    values = {
        "workspace": workspace_id,
        "group": group,
        "limit": JOBS_PAGE_SIZE,
        "offset": (page - 1) * JOBS_PAGE_SIZE,
    }
    rows = await (await connection.execute(LIST_JOBS_SQL.encode(), values)).fetchall()
    return [dict(zip(JOB_COLUMNS, row, strict=True)) for row in rows]


async def read_job_snapshot(connection: Connection, workspace_id: int, job_id: int) -> JobSnapshot:
    """Return a job and what became of its submissions. Raises NotFound."""
    job = await read_job(connection, workspace_id, job_id)
    return JobSnapshot(job, await read_afterwards(connection, workspace_id, job_id))


async def list_items(
    connection: Connection, workspace_id: int, job: JobRow, outcome: OutcomeFilter, after: int
) -> ItemsPage:
    """Return a page of a job's rows behind a row's number, 0 for the first page.

    Those with an outcome are listed from the newest, others in the order in which they are handled.
    """
    statement = LIST_HANDLED_SQL if outcome in NEWEST_FIRST else LIST_ITEMS_SQL
    values = {
        "workspace": workspace_id,
        "job": job["id"],
        "position": job["position"],
        "after": after,
        "outcome": outcome,
        "limit": ITEMS_PAGE_SIZE + 1,
    }
    rows = await (await connection.execute(statement.encode(), values)).fetchall()
    items = await asyncio.to_thread(lambda: [_item_row(row) for row in rows[:ITEMS_PAGE_SIZE]])
    return ItemsPage(items, len(rows) > ITEMS_PAGE_SIZE)


async def read_outcomes(
    connection: Connection, workspace_id: int, job_id: int, outcome: OutcomeFilter, after: int
) -> list[OutcomeRow]:
    """Return the outcomes of rows behind a row's number, in their order, `OUTCOMES_PAGE_SIZE` at most."""
    values = {
        "workspace": workspace_id,
        "job": job_id,
        "after": after,
        "outcome": outcome,
        "limit": OUTCOMES_PAGE_SIZE,
    }
    return [OutcomeRow(*row) for row in await (await connection.execute(READ_OUTCOMES_SQL, values)).fetchall()]


def _item_row(row: Sequence[Any]) -> ItemRow:
    id_, submission_id, delivery_id, outcome, error, at, payload, submission_state, kind, event, *rest = row
    delivery_state, lead_id, lead = rest
    person, contact = (kind or "", event or "") if delivery_id else person_of(lead if lead_id else _parsed(payload))
    state = submission_state or delivery_state
    return ItemRow(id_, submission_id, delivery_id, outcome, error, at, person, contact, state, lead_id)


def _parsed(payload: bytes | None) -> Any:
    try:
        return orjson.loads(payload) if payload else None
    except ValueError:
        return None


def person_of(payload: Any) -> tuple[str, str]:
    """Return a person's name and contact as a payload of any shape says them, empty where it says nothing."""
    if not isinstance(payload, dict):
        return "", ""
    names = (payload.get("first_name"), payload.get("last_name"))
    name = " ".join(part.strip() for part in names if isinstance(part, str) and part.strip())
    found = [payload.get(field) for field in ("name", "email", "phone")]
    full, email, phone = (one.strip() if isinstance(one, str) else "" for one in found)
    return (name or full)[:NAME_LENGTH], (email or phone)[:NAME_LENGTH]
