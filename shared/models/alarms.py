"""The tables of alarms: of the whole installation (`shared/operations/alarms.py`), and of workspaces."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, RowId, TransactionTime, WorkspaceKey


class Alarm(Base):
    """A condition that needs an operator, from the time it was raised to the time it was cleared."""

    __tablename__ = "alarms"

    id: Mapped[RowId]
    code: Mapped[str]
    raised_at: Mapped[ClockTime]
    cleared_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))

    __table_args__ = (
        Index("ix_alarms_ringing", "code", unique=True, postgresql_where=text("cleared_at IS NULL")),
        Index("ix_alarms_raised_at", "raised_at"),
    )


class WorkspaceAlarm(Base):
    """The latest time that an alarm of a workspace was raised, and when it was cleared."""

    __tablename__ = "workspace_alarms"

    workspace_id: Mapped[WorkspaceKey]
    code: Mapped[str] = mapped_column(primary_key=True)
    raised_at: Mapped[TransactionTime]
    cleared_at: Mapped[datetime | None]
