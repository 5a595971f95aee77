"""Tables of counters. Transactions append deltas, and the sweeper folds them. See `shared/accounting/counters.py`."""

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from shared.models.base import Base, RowId, WorkspaceKey


class Counter(Base):
    """The number of times that something happened, such as submissions of a form or runs of an automation."""

    __tablename__ = "counters"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    ref_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]


class CounterDelta(Base):
    """A change of a counter. Transactions append changes, because a counter in place would be a hot row."""

    __tablename__ = "counter_deltas"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    ref_id: Mapped[int]
    n: Mapped[int]


def folded_count(
    kind: str, workspace_id: InstrumentedAttribute[int], ref_id: InstrumentedAttribute[int]
) -> ColumnElement[int]:
    """The current count of a row, as a column of a query that selects the row.

    Adds the total and the deltas in one statement, so that a fold in progress is seen whole or not at all.
    """
    total, deltas = (
        select(func.coalesce(func.sum(counts.n), 0))
        .where(counts.workspace_id == workspace_id, counts.kind == kind, counts.ref_id == ref_id)
        .scalar_subquery()
        for counts in (Counter, CounterDelta)
    )
    return cast(total + deltas, BigInteger)
