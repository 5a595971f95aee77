"""Counts that many transactions change at once: appended as deltas, folded by the sweeper. See `shared/tallies.py`."""

from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, WorkspaceKey


class Tally(Base):
    """How often something happened: a form's submissions, an automation's runs."""

    __tablename__ = "tallies"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    ref_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]


class TallyDelta(Base):
    """A change of a tally, appended by the transaction that makes it true: counters in place would be a hot row."""

    __tablename__ = "tally_deltas"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    ref_id: Mapped[int]
    n: Mapped[int]
