"""Tables of the feeds of events that are read by cursor."""

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, TransactionTime, WorkspaceKey


class EventFeed(Base):
    """The feed of a workspace that reads its events by cursor. A workspace that never did has no row.

    Whoever records events holds the row until the commit. So positions are in the order of the commits, and no event
    appears below one that was read.
    """

    __tablename__ = "event_feeds"

    workspace_id: Mapped[WorkspaceKey]
    is_recording: Mapped[bool] = mapped_column(server_default="true")  # false after nobody read for long
    last_position: Mapped[int] = mapped_column(server_default="0")  # of the newest event
    expired_position: Mapped[int] = mapped_column(server_default="0")  # up to which events are gone
    used_at: Mapped[TransactionTime]  # the day that somebody read last


class FeedEvent(Base):
    """An event of a feed with the body that a webhook has. It is frozen, and each reader gets the same bytes."""

    __tablename__ = "feed_events"

    workspace_id: Mapped[WorkspaceKey]
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str]
    lead_id: Mapped[int | None]
    payload: Mapped[bytes] = mapped_column(LargeBinary)  # JSON
    created_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("ix_feed_events_event", "workspace_id", "event", "position"),
        Index("ix_feed_events_lead", "workspace_id", "lead_id"),
    )
