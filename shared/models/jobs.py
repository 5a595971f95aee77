"""Tables of jobs: what takes long, the set that each was confirmed for, and versions of corrected submissions."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, TransactionTime, WorkspaceKey

ZERO_TEXT = "0"


class Job(Base):
    """A piece of work over many rows. Workers take it in chunks, and each chunk is one transaction that moves
    `position`, the id of the last item it handled.

    `due_at` is when the next chunk may start: it keeps the rate. `served_at` is when the last chunk ended, so that
    workspaces take turns.
    """

    __tablename__ = "jobs"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]  # replay, release, reject, deliveries, backfill, edit, delete, stage_removal, rescore, import
    state: Mapped[str] = mapped_column(server_default="queued")  # then running, paused, done, cancelled, failed
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    changes: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)  # to the payloads
    with_automations: Mapped[bool] = mapped_column(server_default=text("true"))
    reason: Mapped[str | None]
    created_by: Mapped[dict[str, Any]] = mapped_column(JSONB)  # kind, id and name
    total: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    done: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    failed: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    skipped: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    rate: Mapped[int | None]  # items a second; null: as fast as workers can
    error: Mapped[str | None]  # of a job that failed as a whole
    position: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # of a backfill: where the provider's list goes on
    due_at: Mapped[TransactionTime]
    served_at: Mapped[datetime | None]
    created_at: Mapped[TransactionTime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_jobs_active", "due_at", postgresql_where=text("state = ANY (ARRAY['queued', 'running'])")),
        Index("ix_jobs_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )


class JobItem(Base):
    """A row that a job was confirmed for, with what became of it. `id` counts from 1 within the job."""

    __tablename__ = "job_items"

    workspace_id: Mapped[WorkspaceKey]
    job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    submission_id: Mapped[uuid.UUID | None]
    received_at: Mapped[datetime | None]  # of the submission: part of its key
    delivery_id: Mapped[int | None]
    lead_id: Mapped[int | None]
    effect: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # what an edit changed: its undo takes that back
    outcome: Mapped[str | None]  # done, failed, skipped; null: not handled yet
    error: Mapped[str | None]
    handled_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_job_items_undone",
            "workspace_id",
            "job_id",
            "outcome",
            "id",
            postgresql_where=text("outcome <> 'done'"),
        ),
        Index(
            "ix_job_items_submission",
            "workspace_id",
            "submission_id",
            postgresql_where=text("submission_id IS NOT NULL"),
        ),
        Index("ix_job_items_lead", "workspace_id", "lead_id", postgresql_where=text("lead_id IS NOT NULL")),
    )


class JobFollower(Base):
    """A user who gets a mail when the job ends. The row goes with the mail, so that it is sent once."""

    __tablename__ = "job_followers"

    workspace_id: Mapped[WorkspaceKey]
    job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    url: Mapped[str]  # of the job's page, as the user saw it: workers do not know the address of the console

    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "job_id"],
            ["jobs.workspace_id", "jobs.id"],
            name="fk_job_followers_job",
            ondelete="CASCADE",
        ),
    )


class SubmissionVersion(Base):
    """A payload of a submission that was corrected before its replay. Version 1 is the payload as it came."""

    __tablename__ = "submission_versions"

    workspace_id: Mapped[WorkspaceKey]
    submission_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    received_at: Mapped[datetime] = mapped_column(index=True)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    author: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # null for the payload as it came
    reason: Mapped[str | None]
    created_at: Mapped[TransactionTime]
