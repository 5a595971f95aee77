"""The table of the audit log. See `shared/audit/`."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, RowId


class AuditRow(Base):
    """A request or command that steers, allowed or refused. Without a workspace it concerns the installation."""

    __tablename__ = "audit_log"

    id: Mapped[RowId]
    workspace_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(index=True)
    actor_kind: Mapped[str | None]  # user, key, cli, system; null: nobody was known
    actor_id: Mapped[int | None]
    actor_name: Mapped[str | None]
    action: Mapped[str]  # such as `api_key.created`
    route: Mapped[str | None]  # such as `POST /api/v1/api-keys`
    object_kind: Mapped[str | None]
    object_id: Mapped[str | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)  # the answer's; null for commands
    outcome: Mapped[str]  # done, refused, failed
    reason: Mapped[str | None]
    filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # of work in bulk
    count: Mapped[int | None]  # rows of work in bulk
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    address: Mapped[str | None]
    request_id: Mapped[str | None]

    __table_args__ = (Index(None, "workspace_id", "id"),)
