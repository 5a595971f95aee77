"""The table of conversions: what ad platforms are told of leads."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey


class Conversion(Base):
    """An event of a lead that an ad platform is told once: see `services/workers/conversions/`.

    The row has no data of the person. These are read, and hashed, when the event is sent. A delivery carries up to
    1,000 of them.
    """

    __tablename__ = "conversions"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    integration_id: Mapped[int]
    lead_id: Mapped[int]
    event: Mapped[str]  # its name at the platform
    value: Mapped[float | None]
    currency: Mapped[str | None]
    conversion_action: Mapped[str | None]
    occurred_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="pending")  # then sent, skipped, failed
    reason: Mapped[str | None]  # why it was skipped: see `conversion_types.py`
    delivery_id: Mapped[int | None]
    created_at: Mapped[ClockTime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_conversions_event", "workspace_id", "integration_id", "lead_id", "event", unique=True),
        Index("ix_conversions_lead", "workspace_id", "lead_id"),
        Index("ix_conversions_integration", "workspace_id", "integration_id", "id"),
        Index("ix_conversions_delivery", "workspace_id", "delivery_id", postgresql_where=text("state <> 'sent'")),
    )
