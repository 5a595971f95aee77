"""Tables of operations: pauses of lanes, and the history by the minute."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey

EMPTY_ARRAY = text("'{}'")


class LanePause(Base):
    """The latest pause of a lane. A resumed lane keeps its row, with the version of the change.

    Workspace 0 stands for the installation: the lanes of the journal are paused for all workspaces.
    """

    __tablename__ = "lane_pauses"

    workspace_id: Mapped[WorkspaceKey]
    lane: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]  # rises with each change of any row; processes acknowledge the version that they obey
    reason: Mapped[str]
    paused_by: Mapped[dict[str, Any]] = mapped_column(JSONB)  # kind, id, name
    since: Mapped[ClockTime]
    until: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]


class MinuteStatistic(Base):
    """Submissions of a workspace in one minute, or in half an hour for older times (`step`, in seconds)."""

    __tablename__ = "minute_statistics"

    workspace_id: Mapped[WorkspaceKey]
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)  # its beginning
    accepted: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0")
    dead: Mapped[int] = mapped_column(server_default="0")
    quarantined: Mapped[int] = mapped_column(server_default="0")
    duplicates: Mapped[int] = mapped_column(server_default="0")
    # Histogram of the time from received to decided; see shared/operations/histogram.py.
    verdict_ms: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)

    __table_args__ = (Index("ix_minute_statistics_step_at", "step", "at"),)


class LaneStatistic(Base):
    """The work of a lane in one minute or half an hour. Workspace 0 stands for all workspaces together.

    The lanes of the journal have rows of workspace 0 only.
    """

    __tablename__ = "lane_statistics"

    workspace_id: Mapped[WorkspaceKey]
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    depth: Mapped[int | None]  # due work at the last sample
    oldest_s: Mapped[float | None]  # age of the oldest due work at that time
    sampled_at: Mapped[datetime | None]
    out: Mapped[int] = mapped_column(server_default="0")
    waiting_ms: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    work_ms: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)

    __table_args__ = (Index("ix_lane_statistics_step_at", "step", "at"),)


class SourceStatistic(Base):
    """Submissions of one source in one minute or half an hour, by the time at which they were received."""

    __tablename__ = "source_statistics"

    workspace_id: Mapped[WorkspaceKey]
    channel: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)  # the empty text stands for none
    key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default="0")  # 0: no API key
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(server_default="0")
    duplicates: Mapped[int] = mapped_column(server_default="0")
    last_received_at: Mapped[datetime]

    __table_args__ = (Index("ix_source_statistics_step_at", "step", "at"),)


class LedgerSample(Base):
    """The ledger's counts that the history already holds. The difference to the ledger is new."""

    __tablename__ = "ledger_samples"

    workspace_id: Mapped[WorkspaceKey]
    state: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]
