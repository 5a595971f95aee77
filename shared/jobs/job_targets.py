"""The rows that a job would take: its kind and its filter as a query."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import BigInteger, Select, Uuid, func, insert, literal, literal_column, null, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import ClauseElement

from shared.intake.submission_filters import submission_conditions
from shared.jobs.job_kinds import JobKind
from shared.jobs.lead_targets import KINDS_OVER_LEADS, count_lead_targets, store_lead_targets
from shared.models import Delivery, JobItem, Submission
from shared.outbound.delivery_filters import delivery_conditions
from shared.platform.db.connections import Connection

DRIVER_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
DELIVERY_DECIDED_AT = func.coalesce(Delivery.finished_at, Delivery.created_at)
ITEM_COLUMNS = ("workspace_id", "job_id", "id", "submission_id", "received_at", "delivery_id")


def targets_query(
    kind: JobKind, workspace_id: int, filters: Mapping[str, Any], as_of: datetime | None = None
) -> Select[Any]:
    """Return the query for submissions or deliveries, with the columns `submission_id, received_at, delivery_id`.

    With `as_of` those alone that matched at that moment already.
    Those that wait for their sender to confirm the address are only taken where the filter says so, or names them.
    """
    if kind == "deliveries":
        return _deliveries_query(workspace_id, filters, as_of)
    state = "dead" if kind == "replay" else "quarantined"
    chosen = {**filters, "state": filters.get("state") or state}
    if state == "quarantined" and filters.get("unconfirmed") is None and not filters.get("ids"):
        chosen["unconfirmed"] = False
    where = submission_conditions(workspace_id, chosen)
    if kind == "reject":
        where.append(Submission.rejected_at.is_(None))
    if as_of is not None:
        where.append(Submission.processed_at <= as_of)
        where += [Submission.rejected_at <= as_of] if filters.get("rejected") else []
    columns: tuple[Any, ...] = (
        Submission.id.label("submission_id"),
        Submission.received_at.label("received_at"),
        literal_column("NULL::bigint").label("delivery_id"),
    )
    in_state = Submission.state == literal_column(f"'{state}'")  # a constant, so that the index of such rows is used
    return select(*columns).where(Submission.workspace_id == workspace_id, in_state, *where)


def _deliveries_query(workspace_id: int, filters: Mapping[str, Any], as_of: datetime | None) -> Select[Any]:
    where = [Delivery.workspace_id == workspace_id, *delivery_conditions(filters)]
    where.append(Delivery.state != literal_column("'pending'"))
    if not filters.get("state"):
        where.append(Delivery.state.in_(("failed", "cancelled")))
    if as_of is not None:
        where.append(as_of >= DELIVERY_DECIDED_AT)
    columns: tuple[Any, ...] = (
        literal_column("NULL::uuid").label("submission_id"),
        Delivery.created_at.label("received_at"),
        Delivery.id.label("delivery_id"),
    )
    return select(*columns).where(*where)


async def read_clock(connection: Connection) -> datetime:
    """Return the time of the database's clock: what is counted next is the set as of then."""
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None  # noqa: S101  # the statement has one row
    return cast("datetime", row[0])


async def count_targets(
    connection: Connection, kind: JobKind, workspace_id: int, filters: Mapping[str, Any], as_of: datetime | None = None
) -> int:
    """Return how many rows a job of this kind and filter would take now, exactly.

    With `as_of` those that matched then and match still. It is not known of leads.
    """
    if kind in KINDS_OVER_LEADS:
        return await count_lead_targets(connection, workspace_id, filters)
    targets = targets_query(kind, workspace_id, filters, as_of).subquery()
    statement, values = driver_statement(select(func.count()).select_from(targets))
    row = await (await connection.execute(statement, values)).fetchone()
    return int(row[0]) if row else 0


async def first_targets(
    connection: Connection,
    kind: JobKind,
    workspace_id: int,
    filters: Mapping[str, Any],
    limit: int,
    as_of: datetime | None = None,
) -> list[tuple[Any, Any]]:
    """Return the ids and times of the first submissions that a job would take."""
    targets = targets_query(kind, workspace_id, filters, as_of).subquery()
    query = select(targets.c.submission_id, targets.c.received_at)
    statement, values = driver_statement(query.order_by(targets.c.received_at, targets.c.submission_id).limit(limit))
    return [(row[0], row[1]) for row in await (await connection.execute(statement, values)).fetchall()]


async def store_targets(
    connection: Connection,
    kind: JobKind,
    workspace_id: int,
    job_id: int,
    filters: Mapping[str, Any],
    as_of: datetime | None = None,
    most: int | None = None,
) -> int:
    """Store the targets as items of the job, oldest first, in one statement. Return how many.

    Of more than `most` those are left out that were decided last.
    """
    if kind in KINDS_OVER_LEADS:
        return await store_lead_targets(connection, workspace_id, job_id, filters)
    query = targets_query(kind, workspace_id, filters, as_of)
    if most is not None:
        order = (DELIVERY_DECIDED_AT, Delivery.id) if kind == "deliveries" else (Submission.processed_at, Submission.id)
        query = query.order_by(*order).limit(most)
    targets = query.subquery()
    item_order = (targets.c.received_at, targets.c.submission_id, targets.c.delivery_id)
    rows = select(
        literal(workspace_id, BigInteger),
        literal(job_id, BigInteger),
        func.row_number().over(order_by=item_order),
        targets.c.submission_id.cast(Uuid),
        targets.c.received_at if kind != "deliveries" else null(),
        targets.c.delivery_id.cast(BigInteger),
    )
    statement, values = driver_statement(insert(JobItem).from_select(ITEM_COLUMNS, rows))
    return (await connection.execute(statement, values)).rowcount


def driver_statement(statement: ClauseElement) -> tuple[Any, dict[str, Any]]:
    """Return a statement of SQLAlchemy as text and values for psycopg."""
    compiled = statement.compile(dialect=DRIVER_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(compiled), dict(compiled.params)
