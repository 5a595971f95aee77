"""The tables of forms, their versions and drafts, and what visitors did with them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, RowId, TransactionTime, WorkspaceKey


class Form(Base):
    """A form with the fields and settings of its published version. `public_id` is part of public URLs."""

    __tablename__ = "forms"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    public_id: Mapped[str] = mapped_column(unique=True)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(server_default="1")
    silent_since: Mapped[datetime | None]
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]


class FormVersion(Base):
    """A published version of a form, as it was."""

    __tablename__ = "form_versions"

    workspace_id: Mapped[WorkspaceKey]
    form_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published_at: Mapped[TransactionTime]
    published_by: Mapped[str | None]  # the person's name, or that of the key

    __table_args__ = (ForeignKeyConstraint(["form_id"], ["forms.id"], ondelete="CASCADE"),)


class FormDraft(Base):
    """Changes to a form that are not published. `revision` grows with each save, so that two editors see each other."""

    __tablename__ = "form_drafts"

    workspace_id: Mapped[WorkspaceKey]
    form_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    revision: Mapped[int]
    updated_at: Mapped[TransactionTime]
    updated_by: Mapped[str | None]

    __table_args__ = (ForeignKeyConstraint(["form_id"], ["forms.id"], ondelete="CASCADE"),)


class FormCount(Base):
    """How often something happened with a form in an hour: `view, start, submission, held`, by the visitors' source."""

    __tablename__ = "form_counts"

    workspace_id: Mapped[WorkspaceKey]
    form_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)  # utm_source, else the referring host, else `direct`
    n: Mapped[int]

    __table_args__ = (Index("ix_form_counts_hour", "hour"),)


class SpamRuleRow(Base):
    """A sender or a word that is always allowed or always held, in one form or in all of the workspace."""

    __tablename__ = "spam_rules"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    form_id: Mapped[int | None] = mapped_column(ForeignKey("forms.id", ondelete="CASCADE"), index=True)
    verdict: Mapped[str]  # allow, hold
    kind: Mapped[str]  # email, domain, address, word
    value: Mapped[str]  # in lower case
    created_by: Mapped[str | None]
    created_at: Mapped[TransactionTime]
    hits: Mapped[int] = mapped_column(server_default="0")
    last_hit_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_spam_rules_value",
            "workspace_id",
            text("coalesce(form_id, 0)"),
            "kind",
            "value",
            unique=True,
        ),
    )


class SubmissionVisitor(Base):
    """From where a visitor sent a form. It is kept for 30 days."""

    __tablename__ = "submission_visitors"

    workspace_id: Mapped[WorkspaceKey]
    submission_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    address: Mapped[Any] = mapped_column(INET)
    user_agent: Mapped[str | None]
    created_at: Mapped[ClockTime]

    __table_args__ = (Index("ix_submission_visitors_created_at", "created_at"),)
