"""Tables of what people keep of the list of leads: saved views, and the columns that they chose."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, TransactionTime, WorkspaceKey


class SavedView(Base):
    """A saved list of leads: of one account, or of the team if it has none.

    `query` holds filters, sort and direction as an address spells them. A deleted view is kept for a while, so that
    its deletion can be undone.
    """

    __tablename__ = "saved_views"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int | None]
    name: Mapped[str]
    query: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    columns: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_by: Mapped[int | None]  # the account
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]
    deleted_at: Mapped[datetime | None]


class LeadListSettings(Base):
    """The columns that an account chose for its list of leads, and the view that the list opens with."""

    __tablename__ = "lead_list_settings"

    workspace_id: Mapped[WorkspaceKey]
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    columns: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    default_view_id: Mapped[int | None]
