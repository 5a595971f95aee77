"""What automations answer about leads: why one ran or did not, and what a trial would do."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.api.schemas.automations import RunRecord
from shared.automations.event_limits import LimitName
from shared.automations.trial import MAX_TRIAL_EVENTS, TrialOutcome
from shared.platform.validation.types import QueryId, RecordId


class ExplainQuery(TypedDict, total=False):
    """`event` is an entry of the lead's timeline. Without it, it is the last one that could have started it."""

    lead_id: QueryId
    event: QueryId


class TrialFields(TypedDict, total=False):
    """A lead, or how many of the last events."""

    lead_id: RecordId | None
    last: Annotated[int, Field(strict=True, ge=1, le=MAX_TRIAL_EVENTS)] | None


class EventRecord(TypedDict):
    """An entry of a lead's timeline, and the events that automations make of it."""

    id: int
    type: str
    at: datetime
    events: list[str]


class TriggerRecord(TypedDict):
    matched: bool
    why: str


class ConditionRecord(TypedDict):
    """A comparison and the value that it met. `path` says where it stands in the condition of its `step`, from 0.

    `found_then`: the value is the one of that time. Otherwise it is the one of now, since the timeline does not tell.
    """

    step: int
    path: str
    field: str
    operator: str
    expected: Any
    found: Any
    found_then: bool
    held: bool


class LimitRecord(TypedDict):
    """What may keep an automation from running. `passed`: it did not stand in the way."""

    limit: LimitName
    passed: bool
    why: str


class ExplanationRecord(TypedDict):
    """Why an automation ran for a lead because of an event, or did not.

    `version` is the one that ran then. `ran` is false as well where a condition ended the run before any other step.
    `run_id` is the run that the event started, `false_step` the step whose condition was false. `runs` are the last
    runs for this lead, newest first, and `events` the last events that could be asked for.
    """

    automation_id: int
    version: int
    lead_id: int
    event: EventRecord | None
    ran: bool
    reason: str
    why: str
    run_id: int | None
    false_step: int | None
    trigger: TriggerRecord
    conditions: list[ConditionRecord]
    limits: list[LimitRecord]
    runs: list[RunRecord]
    events: list[EventRecord]


class FalseComparison(TypedDict):
    field: str
    operator: str
    expected: Any
    found: Any


class TriedStep(TypedDict):
    """What a step would do. `step` counts from 0."""

    step: int
    type: str
    outcome: Literal["passed", "ended", "waiting", "done", "skipped", "failed"]
    reason: str | None
    data: dict[str, Any]


class TriedRecord(TypedDict):
    """What would become of a lead. Without an event the trigger is passed over.

    `false_comparisons` are those of the condition that would end the run. `why` says why it would not start.
    """

    lead_id: int
    event: EventRecord | None
    outcome: TrialOutcome
    why: str | None
    ended_step: int | None
    false_comparisons: list[FalseComparison]
    steps: list[TriedStep]


class TrialRecord(TypedDict):
    """A trial, newest events first. `left_out` counts events that were not tried, since the texts took too long."""

    automation_id: int
    would_run: int
    would_stop: int
    not_started: int
    left_out: int
    tried: list[TriedRecord]
