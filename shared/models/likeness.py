"""Tables of the likeness engine: which leads may be one person (see docs/internals/likeness.md)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey


class LikenessQueueRow(Base):
    """Leads that may have changed in what likeness compares: one row for up to 500 leads of a workspace.

    `is_rescored`: they are compared again, even if they have not changed.
    """

    __tablename__ = "likeness_queue"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    lead_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    is_rescored: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[ClockTime]


class LikenessKey(Base):
    """A blocking key of a lead: leads that share a key are compared.

    `key` is a hash, so two different keys may be the same number; that costs a comparison. A key that is closed has one
    row, of lead -1, which sorts first.
    """

    __tablename__ = "likeness_keys"

    workspace_id: Mapped[WorkspaceKey]
    key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class LikenessProfile(Base):
    """What is compared of a lead, normalised: nothing is parsed twice.

    `keys` and `counted` are what the lead has in `likeness_keys` and `likeness_counts`, so that both can be taken back.
    """

    __tablename__ = "likeness_profiles"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    profile: Mapped[str]  # JSON
    keys: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    counted: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    version: Mapped[int]  # of the functions that made it


class LikenessCount(Base):
    """How many leads of the workspace have a value, by the value's hash. Hash 0 counts all leads with a profile."""

    __tablename__ = "likeness_counts"

    workspace_id: Mapped[WorkspaceKey]
    value_hash: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]

    __table_args__ = ({"postgresql_with": {"fillfactor": "85"}},)


class LikenessWeights(Base):
    """What was learnt of a workspace: how often each level of evidence is met in pairs of one person.

    `leads` is the number of leads that it was learnt from. `requested_at` asks for it to be learnt again.
    """

    __tablename__ = "likeness_weights"

    workspace_id: Mapped[WorkspaceKey]
    weights: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    leads: Mapped[int] = mapped_column(server_default=text("0"))
    computed_at: Mapped[datetime | None]
    requested_at: Mapped[datetime | None]


class DuplicatePair(Base):
    """Two leads that are probably one person, with the evidence. They are never merged automatically.

    `lead_a` is the lower id. States: open, dismissed, merged, and weak: not shown, but new weights may raise it.
    """

    __tablename__ = "duplicate_pairs"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    lead_a: Mapped[int]
    lead_b: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="open")
    bits: Mapped[float]
    probability: Mapped[float]
    evidence: Mapped[list[Any]] = mapped_column(JSONB)  # levels with what they are worth before weights
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    contacts_hash: Mapped[int]  # of both leads' names, emails and phones; of a dismissed pair: as it was dismissed
    engine_version: Mapped[int]
    dismissed_bits: Mapped[float | None]
    dismissed_by: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    merge_id: Mapped[int | None]  # the merge that made it merged, or that moved the dismissal of another pair here
    before_merge: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # what an unmerge brings back
    created_at: Mapped[ClockTime]
    updated_at: Mapped[ClockTime]

    __table_args__ = (
        Index("uq_duplicate_pairs_leads", "workspace_id", "lead_a", "lead_b", unique=True),
        Index("ix_duplicate_pairs_lead_b", "workspace_id", "lead_b", "lead_a"),
        Index("ix_duplicate_pairs_list", "workspace_id", "state", "bits", "id"),
        Index("ix_duplicate_pairs_merge", "workspace_id", "merge_id", postgresql_where=text("merge_id IS NOT NULL")),
    )
