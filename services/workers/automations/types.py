"""The values that pass between the modules of the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from shared.leads.submission import LeadKey

StepDefinitions = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ActiveAutomation:
    """An active automation."""

    id: int
    workspace_id: int
    name: str
    trigger: Mapping[str, Any]
    steps: StepDefinitions
    secrets: bytes | None


class NewRun(NamedTuple):
    """A run to be written. `stopped` is the reason if it must not start."""

    automation: ActiveAutomation
    trigger_key: str
    lead_id: int
    chain: tuple[int, ...]
    stopped: str | None = None


@dataclass(slots=True)
class ActiveRun:
    """A run at one of its steps. `steps` are the steps that it started with."""

    id: int
    workspace_id: int
    automation_id: int
    lead_id: int
    step_index: int
    steps: StepDefinitions
    chain: tuple[int, ...]
    attempts: int
    name: str
    secrets: bytes | None
    has_failed_step: bool = False  # whether a step failed before the run last waited
    stopped: str | None = None  # the reason if the run must not continue

    @property
    def lead_key(self) -> LeadKey:
        return self.workspace_id, self.lead_id


@dataclass(slots=True)
class RunResult:
    """The state of a run after its steps were taken."""

    run: ActiveRun
    state: str
    step_index: int
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    due_at: datetime | None = None
    error: str | None = None
