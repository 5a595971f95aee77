"""Tables of counters. Transactions append deltas, and the sweeper folds them. See `shared/accounting/counters.py`."""

from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, WorkspaceKey


class Tally(Base):
    """The number of times that something happened, such as submissions of a form or runs of an automation."""

    __tablename__ = "tallies"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    ref_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]


class TallyDelta(Base):
    """A change of a counter. Transactions append changes, because a counter in place would be a hot row."""

    __tablename__ = "tally_deltas"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    ref_id: Mapped[int]
    n: Mapped[int]
