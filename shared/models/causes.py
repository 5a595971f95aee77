"""Tables of failure causes. Failures append deltas, and the sweeper folds them. See `shared/operations/causes.py`."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, RowId, WorkspaceKey


class Cause(Base):
    """What submissions, deliveries or runs failed of. Its id follows from its fingerprint."""

    __tablename__ = "causes"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]  # submission, delivery, automation_run
    fingerprint: Mapped[str]
    error_type: Mapped[str]
    place: Mapped[str]
    title: Mapped[str]  # without anything personal
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="open")  # open, ignored, fixed
    ignored_until: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]  # when it came back by itself
    note: Mapped[str | None]
    changed_by: Mapped[str | None]  # the actor, as `key:7`
    changed_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace_id", "last_seen_at", "id"),)


class CauseCount(Base):
    """The number of failures of a cause in ten minutes."""

    __tablename__ = "cause_counts"

    workspace_id: Mapped[WorkspaceKey]
    cause_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True, index=True)  # the start of the ten minutes
    n: Mapped[int]


class CauseDelta(Base):
    """Failures that are not folded yet. They bring what the row of a cause needs, so that nobody waits for that row."""

    __tablename__ = "cause_deltas"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    cause_id: Mapped[int]
    kind: Mapped[str]
    fingerprint: Mapped[str]
    error_type: Mapped[str]
    place: Mapped[str]
    title: Mapped[str]
    n: Mapped[int]
    at: Mapped[ClockTime]
