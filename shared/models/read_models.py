"""Read models that keep lists of leads fast: exact counts, and the text to search.

Triggers on `leads` append the deltas and the queue, so that no writer can forget them. The sweeper folds the deltas.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, RowId, WorkspaceKey


class LeadUpdate(Base):
    """A copy of the time at which each lead was last updated. Lists by `updated_at` read it in order.

    It is a separate table, because with an index on `leads` each update of a lead would write to all indexes again, at
    three times the cost (docs/decisions/0013).
    """

    __tablename__ = "lead_updates"

    workspace_id: Mapped[WorkspaceKey]
    updated_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # the lead's


class LeadCount(Base):
    """The number of leads for each combination of the fields that a list filters by.

    Each lead is counted under tag 0, and again under each of its tags. 0 and the empty text stand for no value.
    """

    __tablename__ = "lead_counts"

    workspace_id: Mapped[WorkspaceKey]
    tag_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    status: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    pipeline_stage_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    assigned_user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starred: Mapped[bool] = mapped_column(primary_key=True)
    n: Mapped[int]


class LeadCountDelta(Base):
    """A change of the counts. The fold spreads it over the totals of its tags."""

    __tablename__ = "lead_count_deltas"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    tag_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    source: Mapped[str]
    status: Mapped[str]
    pipeline_id: Mapped[int]
    pipeline_stage_id: Mapped[int]
    assigned_user_id: Mapped[int]
    starred: Mapped[bool]
    n: Mapped[int]


class LeadCountByField(Base):
    """The number of leads with one value in one field, so that a single filter is answered by one row.

    The empty field counts the whole workspace. `tag_ids` counts a lead under each of its tags.
    """

    __tablename__ = "lead_counts_by_field"

    workspace_id: Mapped[WorkspaceKey]
    field: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    value: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    n: Mapped[int]


class LeadCountByTime(Base):
    """The number of leads created, or last updated, in the `grain` seconds from `at` on.

    Each lead is counted in its five minutes, its hour and its day, so that any span is a sum over few rows.
    """

    __tablename__ = "lead_counts_by_time"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)  # created_at, updated_at
    grain: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    n: Mapped[int]


class LeadTimeDelta(Base):
    """A change of the count of one five-minute bucket."""

    __tablename__ = "lead_time_deltas"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    n: Mapped[int]


class LeadSearch(Base):
    """The text that searches read: three lines in lower case: names and company, email, phone. May lag by 2 s.

    It is a separate table, because its index costs more than all else that a lead costs (docs/decisions/0013).
    """

    __tablename__ = "lead_search"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text(collation="C"))

    __table_args__ = (
        Index(
            "ix_lead_search_text",
            "workspace_id",
            "text",
            postgresql_using="gin",
            postgresql_ops={"text": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": "16384"},
        ),
    )


class LeadSearchQueue(Base):
    """Leads whose search text may have changed: one row per statement and workspace, for up to 500 leads."""

    __tablename__ = "lead_search_queue"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    lead_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
