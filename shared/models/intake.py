"""Tables of intake: the journal, submissions, idempotency keys, the outbox, the ledger and the processes."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, RowId, TransactionTime, WorkspaceKey


class JournalRow(Base):
    """A flush of a gateway: up to 500 accepted submissions in one document. Deleted when they are ingested.

    The key starts with the lane, so that workers find lane 0 without reading the backlog of the others.
    """

    __tablename__ = "journal"

    lane: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    n: Mapped[int]  # submissions in the document
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID))  # so that an accepted submission can be found
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[TransactionTime]
    stored_at: Mapped[ClockTime]
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class Submission(Base):
    """An accepted submission in its final state. The worker that ingests it writes it once."""

    __tablename__ = "submissions"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    state: Mapped[str]
    channel: Mapped[str]
    source: Mapped[str | None]
    key_id: Mapped[int | None]  # the API key that posted it; that key may read the outcome
    lead_id: Mapped[int | None]
    is_duplicate: Mapped[bool | None]
    matched_on: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    payload: Mapped[bytes] = mapped_column(LargeBinary)  # bytes, because sent text may contain NUL and lone surrogates
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    warnings: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    processed_at: Mapped[TransactionTime]
    cause_id: Mapped[int | None]  # of a dead one: see `shared/operations/causes.py`
    spam: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # score and reasons of a submission that is held
    rejected_at: Mapped[datetime | None]  # when somebody confirmed that a held submission is spam

    __table_args__ = (
        Index(
            "ix_submissions_cause",
            "workspace_id",
            "cause_id",
            "received_at",
            postgresql_where=text("state = 'dead'"),
            postgresql_include=["source", "channel", "id"],
        ),
        # With what the console counts: every page tells how many are held and wait for a decision.
        Index(
            "ix_submissions_undone",
            "workspace_id",
            "state",
            "received_at",
            postgresql_where=text("state <> 'done'"),
            postgresql_include=["id", "source", "rejected_at"],
        ),
        # People who have not followed the link of a double opt-in yet.
        Index(
            "ix_submissions_unconfirmed",
            "workspace_id",
            "received_at",
            postgresql_where=text(
                "state = 'quarantined' AND rejected_at IS NULL"
                """ AND spam @> '{"reasons": [{"code": "unconfirmed"}]}'::jsonb"""
            ),
        ),
        # Ascending, though lists are read from the end: new rows go to the right edge, which costs least.
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
    """A used idempotency key, with its submission and the hash of its body.

    If a submission waits for its next attempt, its key exists before its own row.
    """

    __tablename__ = "submission_keys"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # UUIDv5 of (workspace, channel, key)
    received_at: Mapped[datetime] = mapped_column(index=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)


class Event(Base):
    """The outbox: a timeline entry that automations and webhooks have not processed yet.

    The transaction that writes the entry writes the event. The details are in the entry only: a lead that arrives with
    two tags is one event, and its reader turns it into `lead.created` and two `tag.added`.
    """

    __tablename__ = "events"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[RowId]
    type: Mapped[str]
    lead_id: Mapped[int]
    activity_id: Mapped[int]
    occurred_at: Mapped[ClockTime]


class Ledger(Base):
    """The number of submissions in each state, up to the last fold. See `shared/accounting/ledger.py`."""

    __tablename__ = "ledger"

    workspace_id: Mapped[WorkspaceKey]
    state: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class LedgerDelta(Base):
    """A change of the ledger. Transactions append changes, because a counter in place would be a hot row."""

    __tablename__ = "ledger_deltas"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    state: Mapped[str]
    n: Mapped[int]


class Process(Base):
    """The heartbeat of a service process, and the journal rows that a worker or sweeper is working on.

    The id of a row that is tried alone, since workers died with it in hand, stands in `in_hand` as a negative number.
    """

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[TransactionTime]
    seen_at: Mapped[TransactionTime]
    in_hand: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    # Fingerprints of its settings.
    fingerprints: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    memory_bytes: Mapped[int | None]  # resident, at the last heartbeat
    restarts: Mapped[int] = mapped_column(server_default="0")  # how often its name was started again
    activity: Mapped[str] = mapped_column(server_default="idle")  # the lane it served most since then
    pauses_version: Mapped[int] = mapped_column(server_default="0")  # it obeys all pauses of lanes up to this version
    # Of its heartbeat's connection, which ends in the moment in which the process dies.
    backend_pid: Mapped[int | None] = mapped_column(Integer)
    died_at: Mapped[datetime | None]  # when its successor found that it had not ended cleanly
