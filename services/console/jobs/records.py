"""Jobs, their outcomes and examples as the console reads them."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from services.console.jobs.filters import BulkSelection
from services.console.web.channel_names import read_channel_names
from shared.intake.payload_changes import PayloadDifference, changed_payload
from shared.intake.replay import SubmissionRef
from shared.jobs.job_control import JOB_COLUMNS, JobRow
from shared.jobs.job_outcomes import DeathCause, JobOutcomes, read_death_causes, read_outcomes_of
from shared.jobs.job_targets import count_targets, driver_statement, first_targets, read_clock, targets_query
from shared.jobs.preview import preview_references
from shared.models import Delivery
from shared.platform.db.connections import Connection

JobGroup = Literal["all", "active", "ended"]

EXAMPLE_ROWS = 3
JOBS_PAGE_SIZE = 50
NAME_LENGTH = 120  # characters of a name that is shown

COUNT_SHARE = 0.05  # of the time that may go into counting outcomes while somebody watches
MIN_COUNT_SECONDS = 1.0  # seconds between two such counts at least
COUNT_JOBS_SQL = """
SELECT count(*), count(*) FILTER (WHERE finished_at IS NULL) FROM jobs WHERE workspace_id = %s
"""
# Those that have not ended come first, then the newest.
LIST_JOBS_SQL = f"""
SELECT {", ".join(JOB_COLUMNS)} FROM jobs
WHERE workspace_id = %(workspace)s AND (%(group)s = 'all' OR (finished_at IS NULL) = (%(group)s = 'active'))
ORDER BY finished_at IS NULL DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s
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
class JobSnapshot:
    """A job at a moment, with what became of its rows, and the causes of which some died again."""

    job: JobRow
    outcomes: JobOutcomes
    causes: Sequence[DeathCause] = ()


class CheapCounts:
    """Counts what became of the rows of jobs while somebody watches, no more often than is cheap."""

    def __init__(self) -> None:
        self._known: dict[int, JobOutcomes] = {}
        self._next_at = 0.0

    async def read_outcomes(
        self, connection: Connection, workspace_id: int, jobs: Sequence[JobRow]
    ) -> dict[int, JobOutcomes]:
        """Return the outcomes by job, some seconds old where to count them takes long."""
        began, ids = time.monotonic(), [job["id"] for job in jobs]
        if began >= self._next_at or not set(ids) <= self._known.keys():
            self._known = await read_outcomes_of(connection, workspace_id, ids)
            self._next_at = began + max(MIN_COUNT_SECONDS, (time.monotonic() - began) / COUNT_SHARE)
        return self._known


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
    names_by_key: dict[tuple[str, int | str], str] = {}
    for name, statement in RECORD_NAMES_SQL.items():
        ids = list({filters[name] for filters in selections if filters.get(name) is not None})
        if ids:
            rows = await (await connection.execute(statement.encode(), (workspace_id, ids))).fetchall()
            names_by_key |= {(name, id_): str(text) for id_, text in rows if text}
    if any("channel" in filters for filters in selections):
        names = await read_channel_names(connection, workspace_id)
        names_by_key |= {("channel", channel): name for channel, name in names.items()}
    named = (*RECORD_NAMES_SQL, "channel")
    return [
        {name: names_by_key[name, filters[name]] for name in named if (name, filters.get(name)) in names_by_key}
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


async def read_job_snapshot(
    connection: Connection, workspace_id: int, job: JobRow, outcomes: JobOutcomes
) -> JobSnapshot:
    """Return a job with its outcomes, and the causes of which rows died again."""
    causes = await read_death_causes(connection, workspace_id, job["id"]) if outcomes.died_again else []
    return JobSnapshot(job, outcomes, causes)


def person_of(payload: Any) -> tuple[str, str]:
    """Return a person's name and contact as a payload of any shape says them, empty where it says nothing."""
    if not isinstance(payload, dict):
        return "", ""
    names = (payload.get("first_name"), payload.get("last_name"))
    name = " ".join(part.strip() for part in names if isinstance(part, str) and part.strip())
    found = [payload.get(field) for field in ("name", "email", "phone")]
    full, email, phone = (one.strip() if isinstance(one, str) else "" for one in found)
    return (name or full)[:NAME_LENGTH], (email or phone)[:NAME_LENGTH]
