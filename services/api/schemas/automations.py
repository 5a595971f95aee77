"""Automations and their runs as they are sent and shown."""

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from services.api.schemas.deliveries import DeliveryState
from shared.automations.definition import AnyStep, AnyTrigger
from shared.platform.validation.types import QueryId, RecordId, StrictFlag


class AutomationRecord(TypedDict):
    id: int
    name: str
    description: str | None
    is_active: bool
    trigger: AnyTrigger
    steps: list[AnyStep]
    runs_count: int
    last_run_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RunQuery(TypedDict, total=False):
    """`lead_id` selects the runs for one lead."""

    lead_id: QueryId


class RunFields(TypedDict, total=False):
    lead_id: RecordId
    dry_run: StrictFlag | None


class StepDelivery(TypedDict):
    """A message that a step sent, for as long as the delivery is kept."""

    id: int
    state: DeliveryState
    error: str | None


class StepOutcome(TypedDict):
    """The outcome of a step. `step` counts from 0; `data` has the choices that were made.

    `passed`: a condition matched, or a delay is over; `ended`: a condition did not match; `skipped`: a mail was not
    sent, since its address had enough of them. A step whose delivery failed is `failed`, until the delivery is sent
    again.
    """

    step: int
    type: str
    outcome: Literal["passed", "ended", "waiting", "done", "skipped", "failed"]
    reason: str | None
    data: dict[str, Any]
    deliveries: list[StepDelivery]


class RunRecord(TypedDict):
    """A run. It is `failed` if a step failed, even if later steps succeeded. The `id` of a dry run is null."""

    id: int | None
    automation_id: int
    lead_id: int
    state: Literal["waiting", "done", "failed", "stopped"]
    steps: list[StepOutcome]
    due_at: datetime | None
    error: str | None
    created_at: datetime | None
    finished_at: datetime | None
