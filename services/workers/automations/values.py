"""What passes between the engine's parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from shared.leads.submission import LeadKey

Steps = Sequence[Mapping[str, Any]]


class Event(NamedTuple):
    """A row of the outbox with the timeline entry that it points at. `chain`: the automations that led to it."""

    id: int
    workspace_id: int
    type: str
    lead_id: int
    activity_id: int
    occurred_at: datetime
    data: dict[str, Any]
    chain: tuple[int, ...] = ()

    @property
    def lead(self) -> LeadKey:
        return self.workspace_id, self.lead_id

    @property
    def by(self) -> Mapping[str, Any]:
        """Who acted."""
        return self.data.get("by") or {}


@dataclass(frozen=True, slots=True)
class Automation:
    """A saved automation that is active."""

    id: int
    workspace_id: int
    name: str
    trigger: Mapping[str, Any]
    steps: Steps
    secrets: bytes | None


class NewRun(NamedTuple):
    """A run that an event calls for; `stopped` says why it may not be."""

    automation: Automation
    trigger_key: str
    lead_id: int
    chain: tuple[int, ...]
    stopped: str | None = None


@dataclass(slots=True)
class Run:
    """A run at a step. `steps` are those that it began with."""

    id: int
    workspace_id: int
    automation_id: int
    lead_id: int
    at: int
    steps: Steps
    chain: tuple[int, ...]
    attempts: int
    name: str
    secrets: bytes | None
    failed: bool = False  # a step did, before the run last waited
    stopped: str | None = None  # why it may not go on

    @property
    def lead(self) -> LeadKey:
        return self.workspace_id, self.lead_id


@dataclass(slots=True)
class Result:
    """How a run stands after its steps were taken."""

    run: Run
    state: str
    at: int
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    due_at: datetime | None = None
    error: str | None = None
