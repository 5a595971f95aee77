"""The lead, what identifies it, and what is known of it.

The tables here are written by every submission. They carry no foreign keys: each costs the hot path about 4 µs a row,
and what they would guard is decided under the locks of `shared/leads` (docs/decisions/0004).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, Now, WorkspaceKey

# Ids are drawn before the insert, so that a lead's identities can be claimed under its id in the statement before it.
LEAD_IDS = Sequence("lead_ids", metadata=Base.metadata)


class Lead(Base):
    """A person who showed interest."""

    __tablename__ = "leads"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    company: Mapped[str | None]
    job_title: Mapped[str | None]
    country: Mapped[str | None]
    source: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="new")
    lead_score: Mapped[int] = mapped_column(server_default="0")
    starred: Mapped[bool] = mapped_column(server_default=text("false"))
    pipeline_id: Mapped[int | None]
    pipeline_stage_id: Mapped[int | None]
    assigned_user_id: Mapped[int | None]
    notes: Mapped[str | None]
    custom_fields: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    tag_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    possible_duplicate_of: Mapped[int | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    submitted_at: Mapped[datetime | None]  # of the newest submission merged in: what `overwrite` compares with

    __table_args__ = (Index("ix_leads_created_at", "workspace_id", text("created_at DESC"), text("id DESC")),)


class Identity(Base):
    """An email or phone that belongs to exactly one lead of a workspace: this unique key is what decides duplicates."""

    __tablename__ = "identities"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    lead_id: Mapped[int]

    __table_args__ = (Index(None, "workspace_id", "lead_id"),)


class Tag(Base):
    """A label. Leads hold its id, so that renaming touches one row."""

    __tablename__ = "tags"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    name: Mapped[str]
    color: Mapped[str | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (Index("uq_tags_workspace_id_name", "workspace_id", text("lower(name)"), unique=True),)


class Activity(Base):
    """One entry of a lead's timeline."""

    __tablename__ = "activities"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Id]
    type: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Now]


class PossibleDuplicate(Base):
    """Two leads that may be one person, and why; never merged by itself."""

    __tablename__ = "possible_duplicates"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    other_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str]
    score: Mapped[int]  # percent
    created_at: Mapped[Now]
