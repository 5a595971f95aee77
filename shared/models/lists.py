"""What keeps lists of leads flat: exact counts, appended as deltas and folded by the sweeper, and the text to search.

Triggers on `leads` append the deltas and the queue (migrations 0003, 0015), so that no writer can forget them.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, WorkspaceKey


class LeadUpdate(Base):
    """When each lead was last updated, once more, in that order: what a list by `updated_at` walks.

    A table of its own, since in an index of `leads` it would make each update of a lead write to all its indexes anew:
    three times the price (docs/decisions/0028).
    """

    __tablename__ = "lead_updates"

    workspace_id: Mapped[WorkspaceKey]
    updated_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # the lead's


class LeadCount(Base):
    """How many leads are alike in all that a list filters by.

    Each lead is counted under tag 0, and once more under each of its tags. 0 and the empty text stand for none.
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
    """A change of the counts; its tags are spread over the totals when it is folded."""

    __tablename__ = "lead_count_deltas"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    tag_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    source: Mapped[str]
    status: Mapped[str]
    pipeline_id: Mapped[int]
    pipeline_stage_id: Mapped[int]
    assigned_user_id: Mapped[int]
    starred: Mapped[bool]
    n: Mapped[int]


class LeadMarginal(Base):
    """How many leads have one value in one field, whatever the others: what one filter alone fits, in one row.

    The empty field is the whole workspace; `tag_ids` counts a lead under each of its tags.
    """

    __tablename__ = "lead_marginals"

    workspace_id: Mapped[WorkspaceKey]
    field: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    value: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    n: Mapped[int]


class LeadTime(Base):
    """How many leads were created, or last updated, in the `grain` seconds that begin at `at`.

    Each is counted in its five minutes, its hour and its day, so that any span is a sum over few rows.
    """

    __tablename__ = "lead_times"

    workspace_id: Mapped[WorkspaceKey]
    kind: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)  # created_at, updated_at
    grain: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    n: Mapped[int]


class LeadTimeDelta(Base):
    """A change of the count of five minutes."""

    __tablename__ = "lead_time_deltas"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    n: Mapped[int]


class LeadText(Base):
    """What a search looks through: three lines, of names, email and phone, in lower case. May trail the lead by 2 s.

    A table of its own, since its index costs more than all else that a lead costs (docs/decisions/0013).
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


class LeadTextQueue(Base):
    """Leads whose text to search may have changed: one row a statement and workspace, for up to 500 of them."""

    __tablename__ = "lead_search_queue"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    lead_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
