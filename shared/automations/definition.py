"""Validate the trigger and steps of an automation. All errors are reported at once, by dotted field names."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, TypeAdapter
from pydantic_core import PydanticCustomError, PydanticKnownError
from typing_extensions import TypedDict

from shared.automations.actions import Action, AutomationTag
from shared.automations.conditions import Condition
from shared.automations.fields import ReadableField
from shared.automations.union_errors import ErrorCollector, as_object, closed_object, exactly_one, tagged_object
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import INT64_LIMIT, RecordId, StrictFlag, StrictInt32, Text255

MAX_STEPS = 100
MINUTES_BY_UNIT = {"minutes": 1, "hours": 60, "days": 24 * 60}
MAX_DELAY_MINUTES = 365 * 24 * 60  # minutes: the maximum of a delay and of an inactivity timer

DelayMinutes = Annotated[int, Field(strict=True, ge=1, le=MAX_DELAY_MINUTES)]


@closed_object
class LeadCreated(TypedDict):
    type: Literal["lead_created"]
    sources: NotRequired[Annotated[list[Text255], Field(max_length=100)] | None]


@closed_object
class LeadUpdated(TypedDict):
    type: Literal["lead_updated"]
    fields: NotRequired[Annotated[list[ReadableField], Field(max_length=100)] | None]


@closed_object
class LeadStageChanged(TypedDict):
    type: Literal["lead_stage_changed"]
    from_stage_id: NotRequired[RecordId | None]
    to_stage_id: NotRequired[RecordId | None]


@closed_object
class LeadAssigned(TypedDict):
    type: Literal["lead_assigned"]


@closed_object
class TagAdded(TypedDict):
    type: Literal["tag_added"]
    tag: AutomationTag


@closed_object
class LeadScoreCrossed(TypedDict):
    """The score came to `threshold` or over it (above), or fell below it. Without a direction: either."""

    type: Literal["lead_score_crossed"]
    threshold: StrictInt32
    direction: NotRequired[Literal["above", "below"] | None]


@closed_object
class NoActivity(TypedDict):
    """Nothing happened to the lead for this long, except for changes by automations."""

    type: Literal["no_activity"]
    minutes: DelayMinutes


@closed_object
class FormSubmitted(TypedDict):
    type: Literal["form_submitted"]
    form_id: NotRequired[RecordId | None]


@closed_object
class DuplicateReceived(TypedDict):
    type: Literal["duplicate_received"]


@closed_object
class Manual(TypedDict):
    type: Literal["manual"]


AnyTrigger = Annotated[
    LeadCreated
    | LeadUpdated
    | LeadStageChanged
    | LeadAssigned
    | TagAdded
    | LeadScoreCrossed
    | NoActivity
    | FormSubmitted
    | DuplicateReceived
    | Manual,
    Discriminator("type"),
]


@closed_object
class Delay(TypedDict):
    """The time to wait. With `business_hours` it ends Monday to Friday between 9 and 18 in the workspace's time zone:
    a delay that would end at another time ends at the next opening."""

    minutes: NotRequired[DelayMinutes | None]
    hours: NotRequired[Annotated[int, Field(strict=True, ge=1, le=MAX_DELAY_MINUTES // 60)] | None]
    days: NotRequired[Annotated[int, Field(strict=True, ge=1, le=365)] | None]
    business_hours: NotRequired[StrictFlag | None]


def _check_delay(delay: dict[str, Any]) -> dict[str, Any]:
    exactly_one(delay, tuple(MINUTES_BY_UNIT))
    return delay


@closed_object
class ConditionStep(TypedDict):
    """Ends the run if it does not match."""

    condition: Condition


@closed_object
class ActionStep(TypedDict):
    action: Action


@closed_object
class DelayStep(TypedDict):
    delay: Annotated[Delay, AfterValidator(_check_delay)]


AnyStep = ConditionStep | ActionStep | DelayStep
STEP_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "condition": TypeAdapter(ConditionStep),
    "action": TypeAdapter(ActionStep),
    "delay": TypeAdapter(DelayStep),
}


def _read_step(value: Any) -> dict[str, Any]:
    kind = next((name for name in STEP_ADAPTERS if name in as_object(value)), None)
    if kind is None:
        raise custom_error("The {field} field must have a condition, an action or a delay.")
    found: dict[str, Any] = STEP_ADAPTERS[kind].validate_python(value)
    return found


def _read_steps(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PydanticKnownError("list_type")
    if len(value) > MAX_STEPS:
        raise PydanticCustomError("too_long", "too long", {"max_length": MAX_STEPS})
    if not value:
        raise PydanticCustomError("too_short", "too short", {"min_length": 1})
    faults = ErrorCollector()
    steps = [faults.try_read(_read_step, step, index) for index, step in enumerate(value)]
    faults.raise_any()
    return steps


Trigger = Annotated[dict[str, Any], PlainValidator(tagged_object(AnyTrigger), json_schema_input_type=AnyTrigger)]
Steps = Annotated[
    list[Any],
    PlainValidator(
        _read_steps,
        json_schema_input_type=Annotated[list[AnyStep], Field(min_length=1, max_length=MAX_STEPS)],
    ),
]


def delay_minutes(delay: Mapping[str, Any]) -> int:
    """Return the length of a saved delay in minutes."""
    return next(int(delay[unit]) * minutes for unit, minutes in MINUTES_BY_UNIT.items() if delay.get(unit))


class DefinitionReference(NamedTuple):
    """A record that a definition refers to by id. `kind` is user, stage, integration or form."""

    field: str
    kind: str
    id: int


def find_references(trigger: Any, steps: Any) -> Iterator[DefinitionReference]:
    """Yield all records that a definition refers to by id, with dotted field names.

    Invalid parts are skipped, so that a client gets the errors of the other parts at the same time.
    """
    yield from _references_in(trigger, "trigger")
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        if isinstance(step, Mapping):
            yield from _references_in(step.get("action"), f"steps.{index}.action")


_REFERENCE_KINDS = {
    "stage_id": "stage",
    "from_stage_id": "stage",
    "to_stage_id": "stage",
    "form_id": "form",
    "integration_id": "integration",
    "user_id": "user",
    "round_robin": "user",
    "to": "user",
}


def _references_in(part: Any, path: str) -> Iterator[DefinitionReference]:
    for name, value in part.items() if isinstance(part, Mapping) else ():
        kind = _REFERENCE_KINDS.get(name)
        if kind is None:
            continue
        if isinstance(value, list):
            yield from (
                DefinitionReference(f"{path}.{name}.{nr}", kind, id_) for nr, id_ in enumerate(value) if _is_id(id_)
            )
        elif _is_id(value):
            yield DefinitionReference(f"{path}.{name}", kind, value)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < INT64_LIMIT
