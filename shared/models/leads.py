"""Tables of leads, their identities, tags and timelines.

Every submission writes these tables. They have no foreign keys: each would cost the hot path about 4 µs per row. The
locks of `shared/leads` protect the same references (docs/decisions/0004).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Computed, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, RowId, TransactionTime, WorkspaceKey

# Ids are drawn before the insert, so that the identities of a lead can be claimed under its id before it exists.
LEAD_IDS = Sequence("lead_ids", metadata=Base.metadata)


FILTERED_COLUMNS = ["source", "status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred", "few_tags"]


def _sort_key(name: str) -> Mapped[str]:
    """A sort key without case, by code point, empty values last: a space precedes values, `!` replaces empty ones."""
    return mapped_column(
        Text(collation="C"), Computed(f"coalesce(' ' || lower(nullif({name}, '')), '!')", persisted=True)
    )


class Lead(Base):
    """A person who showed interest."""

    __tablename__ = "leads"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    email_as_given: Mapped[str | None]  # what came as email and cannot be read; null beside an email
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
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]
    submitted_at: Mapped[datetime | None]  # time of the newest merged submission; `overwrite` compares with it

    # The tags, if an index entry has room for them: 60 fit into its 2,704 bytes along with the longest texts.
    few_tags: Mapped[list[int] | None] = mapped_column(
        ARRAY(BigInteger), Computed("CASE WHEN cardinality(tag_ids) <= 32 THEN tag_ids END", persisted=True)
    )

    # Sort keys of texts. They are columns, because PostgreSQL cannot read a page from an index on an expression alone.
    first_name_key: Mapped[str] = _sort_key("first_name")
    last_name_key: Mapped[str] = _sort_key("last_name")
    email_key: Mapped[str] = _sort_key("email")

    # First one index per sort. It includes the columns that lists filter by, so that a scan reads no lead. Then one per
    # filter, in the default order of lists. The two partial ones include the other filters, too.
    # There is none on `updated_at`: then every update would write to all indexes (see `LeadUpdate`).
    __table_args__ = (
        Index("ix_leads_created_at", "workspace_id", "created_at", "id", postgresql_include=FILTERED_COLUMNS),
        Index("ix_leads_lead_score", "workspace_id", "lead_score", "id", postgresql_include=FILTERED_COLUMNS),
        Index("ix_leads_first_name", "workspace_id", "first_name_key", "id", postgresql_include=FILTERED_COLUMNS),
        Index("ix_leads_last_name", "workspace_id", "last_name_key", "id", postgresql_include=FILTERED_COLUMNS),
        Index("ix_leads_email", "workspace_id", "email_key", "id", postgresql_include=FILTERED_COLUMNS),
        Index("ix_leads_source", "workspace_id", "source", "created_at", "id"),
        Index("ix_leads_status", "workspace_id", "status", "created_at", "id"),
        Index("ix_leads_pipeline", "workspace_id", "pipeline_id", "created_at", "id"),
        Index("ix_leads_stage", "workspace_id", "pipeline_stage_id", "created_at", "id"),
        Index(
            "ix_leads_assigned",
            "workspace_id",
            "assigned_user_id",
            "created_at",
            "id",
            postgresql_include=[name for name in FILTERED_COLUMNS if name != "assigned_user_id"],
            postgresql_where=text("assigned_user_id IS NOT NULL"),
        ),
        Index(
            "ix_leads_starred",
            "workspace_id",
            "created_at",
            "id",
            postgresql_include=FILTERED_COLUMNS,
            postgresql_where=text("starred"),
        ),
        Index("ix_leads_email_as_given", "workspace_id", "id", postgresql_where=text("email_as_given IS NOT NULL")),
        Index("ix_leads_tag_ids", "workspace_id", "tag_ids", postgresql_using="gin"),
        {"postgresql_with": {"fillfactor": "85"}},  # an update in the same page need not touch an index
    )


class Identity(Base):
    """An email or phone that belongs to exactly one lead of a workspace. This unique key decides on duplicates.

    `import_id`: the import that made a lead known by it that was there before, until a person's edit confirms it or an
    undo finds it used.
    """

    __tablename__ = "identities"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    lead_id: Mapped[int]
    import_id: Mapped[int | None]

    __table_args__ = (Index(None, "workspace_id", "lead_id"),)


class Tag(Base):
    """A label of leads. Leads hold its id, so that a new name changes one row.

    A tag with `alias_of` was merged into that one: it is only another name of it, and no lead holds it for long.
    """

    __tablename__ = "tags"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    name: Mapped[str]
    color: Mapped[str | None]
    alias_of: Mapped[int | None]
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("uq_tags_workspace_id_name", "workspace_id", text("lower(upper(name))"), unique=True),
        Index("ix_tags_alias_of", "workspace_id", "alias_of", postgresql_where=text("alias_of IS NOT NULL")),
    )


class Activity(Base):
    """An entry of a lead's timeline."""

    __tablename__ = "activities"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[RowId]
    type: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[ClockTime]

    # The last entries of deleted leads, by which an erasure finds those of the same person.
    __table_args__ = (
        Index("ix_activities_deleted", "workspace_id", "id", postgresql_where=text("type = 'lead.deleted'")),
    )


class BackgroundCleanup(Base):
    """A cleanup that the sweeper finishes in chunks.

    It is for a deleted stage, user or tag that leads may still refer to (see `shared/leads/reference_locks.py`), for a
    subscription or integration with pending deliveries (see `shared/outbound/cancellation.py`), or for an automation
    that still has to start inactivity timers for many leads (see `shared/automations/inactivity.py`).
    """

    __tablename__ = "background_cleanups"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    ref_id: Mapped[int]
    # The last lead that is clean, or the last delivery to cancel, or a time in microseconds.
    after_id: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[TransactionTime]


class PossibleDuplicate(Base):
    """Two leads that may be one person, and the reason. They are never merged automatically."""

    __tablename__ = "possible_duplicates"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    other_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str]
    score: Mapped[int]  # percent
    created_at: Mapped[TransactionTime]
