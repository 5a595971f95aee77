"""What was accepted and what became of it: journal, submissions, their keys, the outbox and the ledger."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, Moment, Now, WorkspaceKey


class JournalRow(Base):
    """One flush of a gateway: up to 500 accepted submissions as one document. Gone once they are ingested.

    The key starts with the lane, so that workers find lane 0 without reading the others' backlog.
    """

    __tablename__ = "journal"

    lane: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    n: Mapped[int]  # submissions in the document
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID))  # so that an accepted submission can be found
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[Now]
    stored_at: Mapped[Moment]
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class Submission(Base):
    """An accepted submission in its final state, written once by the worker that decided it."""

    __tablename__ = "submissions"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    state: Mapped[str]
    channel: Mapped[str]
    source: Mapped[str | None]
    key_id: Mapped[int | None]  # of the API key that posted it: it may read what became of it
    lead_id: Mapped[int | None]
    is_duplicate: Mapped[bool | None]
    matched_on: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    payload: Mapped[bytes] = mapped_column(LargeBinary)  # bytes: NUL and lone surrogates are legal in what is sent
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    warnings: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    processed_at: Mapped[Now]

    __table_args__ = (
        Index(
            "ix_submissions_undone",
            "workspace_id",
            "state",
            "received_at",
            postgresql_where=text("state <> 'done'"),
        ),
        # Ascending though lists are read from the end: what comes goes to the right edge, the cheapest place.
        Index("ix_submissions_list", "workspace_id", "received_at"),
        Index(
            "ix_submissions_channel",
            "workspace_id",
            "channel",
            "received_at",
            postgresql_where=text("channel <> 'inbound'"),
        ),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )


class SubmissionKey(Base):
    """An idempotency key that was used: its submission and the hash of its body. Of one that waits for its next attempt
    it is there before the submission's row."""

    __tablename__ = "submission_keys"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # UUIDv5 of (workspace, channel, key)
    received_at: Mapped[datetime] = mapped_column(index=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)


class Event(Base):
    """The outbox: a timeline entry that automations and webhooks have not looked at yet.

    Written in the transaction that made it true. What happened stands in the entry, once: a lead that came with two
    tags is one event, out of which its reader makes `lead.created` and two `tag.added`.
    """

    __tablename__ = "events"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[Id]
    type: Mapped[str]
    lead_id: Mapped[int]
    activity_id: Mapped[int]
    occurred_at: Mapped[Moment]


class Ledger(Base):
    """How many submissions are in each state; the sum of what was folded. See `shared/ledger.py`."""

    __tablename__ = "ledger"

    workspace_id: Mapped[WorkspaceKey]
    state: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class LedgerDelta(Base):
    """A change of the ledger, appended by the transaction that makes it true: counters in place would be a hot row."""

    __tablename__ = "ledger_deltas"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    state: Mapped[str]
    n: Mapped[int]


class Process(Base):
    """The heartbeat of a service, and the journal rows that a worker or sweeper has in hand."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[Now]
    seen_at: Mapped[Now]
    in_hand: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    fingerprints: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))  # of what it uses
    died_at: Mapped[datetime | None]  # when its next life found that the last one had not ended in order
