"""Tables of automations and their runs, scoring rules and tasks."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, EncryptedBytes, RowId, TransactionTime, WorkspaceKey


class Automation(Base):
    """A trigger and the steps that follow it. `trigger_type` repeats the trigger's type for the index."""

    __tablename__ = "automations"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trigger_type: Mapped[str]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    secrets: Mapped[EncryptedBytes | None]  # JSON: the secrets of its webhooks, by URL
    version: Mapped[int] = mapped_column(server_default="1")  # 0: nothing of it was published yet
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("ix_automations_trigger", "workspace_id", "trigger_type", postgresql_where=text("is_active")),
        Index(None, "workspace_id", "id"),
    )


class AutomationVersion(Base):
    """A published version of an automation, as it was."""

    __tablename__ = "automation_versions"

    workspace_id: Mapped[WorkspaceKey]
    automation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    description: Mapped[str | None]
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    published_at: Mapped[TransactionTime]
    published_by: Mapped[str | None]  # the person's name, or that of the key

    __table_args__ = (ForeignKeyConstraint(["automation_id"], ["automations.id"], ondelete="CASCADE"),)


class AutomationDraft(Base):
    """Changes to an automation that are not published. `revision` grows with each save."""

    __tablename__ = "automation_drafts"

    workspace_id: Mapped[WorkspaceKey]
    automation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    description: Mapped[str | None]
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    undo_steps: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)  # before the last step was deleted
    secrets: Mapped[EncryptedBytes | None]  # JSON: those that were typed, by URL
    revision: Mapped[int]
    updated_at: Mapped[TransactionTime]
    updated_by: Mapped[str | None]

    __table_args__ = (ForeignKeyConstraint(["automation_id"], ["automations.id"], ondelete="CASCADE"),)


class AutomationRun(Base):
    """A run of one automation on one lead because of one event. The unique key makes it happen only once.

    A waiting run holds nothing in memory: `due_at` is the time at which it continues. `plan` holds its remaining steps,
    so that later changes of the automation do not affect it.
    """

    __tablename__ = "automation_runs"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    automation_id: Mapped[int]
    trigger_key: Mapped[str]  # `entry:ID`, `manual:UUID`, `silence:LEAD:ENTRY`; old ones `event:ID`
    lead_id: Mapped[int]
    state: Mapped[str]  # waiting, done, stopped, failed
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # the next one, from 0
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))  # the outcome of each
    plan: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    # Automations that led here.
    chain: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[TransactionTime]
    finished_at: Mapped[datetime | None]
    cause_id: Mapped[int | None]  # of a failed one: see `shared/operations/causes.py`

    __table_args__ = (
        Index("ix_automation_runs_cause", "workspace_id", "cause_id", "id", postgresql_where=text("state = 'failed'")),
        Index("uq_automation_runs_trigger", "workspace_id", "automation_id", "trigger_key", unique=True),
        Index("ix_automation_runs_lead", "workspace_id", "lead_id"),
        Index("ix_automation_runs_list", "workspace_id", "automation_id", "id"),
        Index("ix_automation_runs_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_automation_runs_turn", "workspace_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_automation_runs_chained", "workspace_id", "lead_id", "id", postgresql_where=text("chain <> '{}'")),
        Index(None, "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )


class RoundRobinCounter(Base):
    """The position of a step that assigns users round robin: the next position in its whole list."""

    __tablename__ = "round_robin_counters"

    workspace_id: Mapped[WorkspaceKey]
    automation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(server_default="0")


class InactivityTimer(Base):
    """A timer of a `no_activity` automation for one lead. It fires if nothing happens to the lead until `due_at`."""

    __tablename__ = "inactivity_timers"

    workspace_id: Mapped[WorkspaceKey]
    automation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    activity_id: Mapped[int]  # the last entry on its timeline
    due_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (Index(None, "workspace_id", "due_at"),)


class RuleVersion(Base):
    """A number that grows with every change of a workspace's rules, and whether anything consumes its events.

    Triggers on automations, scoring rules, subscriptions and forms maintain it, so that no writer can forget it. A
    process that caches rules reads this one short row to see whether they are current.
    """

    __tablename__ = "rule_versions"

    workspace_id: Mapped[WorkspaceKey]
    version: Mapped[int]
    is_watched: Mapped[bool] = mapped_column(server_default=text("false"))


class LeadPoints(Base):
    """The part of a lead's score that comes from scoring rules. The rest was adjusted by automations."""

    __tablename__ = "lead_points"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    points: Mapped[int]


class ScoringRule(Base):
    """Points that a lead has while the rule matches it."""

    __tablename__ = "scoring_rules"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    field: Mapped[str]
    operator: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB, nullable=True)
    points: Mapped[int]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    position: Mapped[int] = mapped_column(server_default="0")  # from 1: the order in which a score is explained
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]


class Task(Base):
    """A task for a user, perhaps about a lead."""

    __tablename__ = "tasks"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    lead_id: Mapped[int | None]
    title: Mapped[str]
    due_at: Mapped[datetime | None]
    user_id: Mapped[int | None]
    done_at: Mapped[datetime | None]
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(None, "workspace_id", "lead_id"),
        Index(None, "workspace_id", "user_id"),
    )
