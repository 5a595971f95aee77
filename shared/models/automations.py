"""What happens by itself: automations and their runs, scoring rules, tasks."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id, Now


class Automation(Base):
    """A trigger and the steps that follow. `trigger_type` repeats the trigger's type for the index."""

    __tablename__ = "automations"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trigger_type: Mapped[str]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (
        Index("ix_automations_trigger", "workspace_id", "trigger_type", postgresql_where=text("is_active")),
        Index(None, "workspace_id", "id"),
    )


class AutomationRun(Base):
    """One automation acting on one lead because of one event: the unique key is what makes it once.

    A run that waits holds nothing in memory: `due_at` says when it goes on.
    """

    __tablename__ = "automation_runs"

    id: Mapped[Id]
    workspace_id: Mapped[int]
    automation_id: Mapped[int]
    trigger_key: Mapped[str]  # `event:ID`, `manual:UUID`, `idle:…`
    lead_id: Mapped[int]
    state: Mapped[str]  # waiting, done, stopped, failed
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # the next one, from 0
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))  # what each came to
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[Now]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_automation_runs_trigger", "workspace_id", "automation_id", "trigger_key", unique=True),
        Index("ix_automation_runs_lead", "workspace_id", "lead_id"),
        Index("ix_automation_runs_list", "workspace_id", "automation_id", "id"),
        Index("ix_automation_runs_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )


class ScoringRule(Base):
    """Points that a lead has while the rule fits it."""

    __tablename__ = "scoring_rules"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    field: Mapped[str]
    operator: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB, nullable=True)
    points: Mapped[int]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class Task(Base):
    """Something that somebody should do about a lead."""

    __tablename__ = "tasks"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    lead_id: Mapped[int | None]
    title: Mapped[str]
    due_at: Mapped[datetime | None]
    user_id: Mapped[int | None]
    done_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(None, "workspace_id", "lead_id"),
        Index(None, "workspace_id", "user_id"),
    )
