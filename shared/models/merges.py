"""Tables of merges: what went from one lead to the other, and where the ids of merged leads lead to."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey

EMPTY_ARRAY = text("'{}'")


class LeadMerge(Base):
    """A merge of two leads, with all that its undoing needs: see `docs/internals/merges.md`.

    The row of the lead that went is in `loser` while the merge stands, and is emptied when it is undone.
    """

    __tablename__ = "lead_merges"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    winner_id: Mapped[int]
    loser_id: Mapped[int]
    cause: Mapped[dict[str, Any]] = mapped_column(JSONB)
    merged_at: Mapped[ClockTime]
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB)  # of the winner: {field: {from, to}}
    loser: Mapped[dict[str, Any]] = mapped_column(JSONB)  # its row, its other rows, and what the winner had of them
    activity_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    submission_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID), server_default=EMPTY_ARRAY)
    task_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    run_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    delivery_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    conversion_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        Index("ix_lead_merges_winner", "workspace_id", "winner_id", "id"),
        Index("ix_lead_merges_loser", "workspace_id", "loser_id", "id"),
    )


class LeadRedirect(Base):
    """The lead that answers for a merged one. It is always a lead that exists, however many merges lie between."""

    __tablename__ = "lead_redirects"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    winner_id: Mapped[int]

    __table_args__ = (Index("ix_lead_redirects_winner", "workspace_id", "winner_id"),)
