"""Validate the trigger and steps of an automation. All errors are reported at once, by dotted field names."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, TypeAdapter
from pydantic_core import PydanticCustomError, PydanticKnownError
from typing_extensions import TypedDict

from shared.automations.actions import Action, TagName
from shared.automations.checks import Faults, as_object, closed, one_of, only_one
from shared.automations.conditions import Condition
from shared.automations.fields import ReadableField
from shared.validation import INT64, Flag, Id, Int32, Text255, said

MOST_STEPS = 100
MINUTES = {"minutes": 1, "hours": 60, "days": 24 * 60}
YEAR = 365 * 24 * 60  # minutes: the maximum of a delay and of an inactivity timer

Minutes = Annotated[int, Field(strict=True, ge=1, le=YEAR)]


@closed
class LeadCreated(TypedDict):
    type: Literal["lead_created"]
    sources: NotRequired[Annotated[list[Text255], Field(max_length=100)] | None]


@closed
class LeadUpdated(TypedDict):
    type: Literal["lead_updated"]
    fields: NotRequired[Annotated[list[ReadableField], Field(max_length=100)] | None]


@closed
class LeadStageChanged(TypedDict):
    type: Literal["lead_stage_changed"]
    from_stage_id: NotRequired[Id | None]
    to_stage_id: NotRequired[Id | None]


@closed
class LeadAssigned(TypedDict):
    type: Literal["lead_assigned"]


@closed
class TagAdded(TypedDict):
    type: Literal["tag_added"]
    tag: TagName


@closed
class LeadScoreCrossed(TypedDict):
    """The score came to `threshold` or over it (above), or fell below it. Without a direction: either."""

    type: Literal["lead_score_crossed"]
    threshold: Int32
    direction: NotRequired[Literal["above", "below"] | None]


@closed
class NoActivity(TypedDict):
    """Nothing happened to the lead for this long, except for changes by automations."""

    type: Literal["no_activity"]
    minutes: Minutes


@closed
class FormSubmitted(TypedDict):
    type: Literal["form_submitted"]
    form_id: NotRequired[Id | None]


@closed
class DuplicateReceived(TypedDict):
    type: Literal["duplicate_received"]


@closed
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


@closed
class Delay(TypedDict):
    """The time to wait. With `business_hours` it ends Monday to Friday between 9 and 18 in the workspace's time zone:
    a delay that would end at another time ends at the next opening."""

    minutes: NotRequired[Minutes | None]
    hours: NotRequired[Annotated[int, Field(strict=True, ge=1, le=YEAR // 60)] | None]
    days: NotRequired[Annotated[int, Field(strict=True, ge=1, le=365)] | None]
    business_hours: NotRequired[Flag | None]


def _check_delay(delay: dict[str, Any]) -> dict[str, Any]:
    only_one(delay, tuple(MINUTES))
    return delay


@closed
class ConditionStep(TypedDict):
    """Ends the run if it does not match."""

    condition: Condition


@closed
class ActionStep(TypedDict):
    action: Action


@closed
class DelayStep(TypedDict):
    delay: Annotated[Delay, AfterValidator(_check_delay)]


AnyStep = ConditionStep | ActionStep | DelayStep
STEPS: dict[str, TypeAdapter[Any]] = {
    "condition": TypeAdapter(ConditionStep),
    "action": TypeAdapter(ActionStep),
    "delay": TypeAdapter(DelayStep),
}


def _read_step(value: Any) -> dict[str, Any]:
    kind = next((name for name in STEPS if name in as_object(value)), None)
    if kind is None:
        raise said("The {field} field must have a condition, an action or a delay.")
    found: dict[str, Any] = STEPS[kind].validate_python(value)
    return found


def _read_steps(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PydanticKnownError("list_type")
    if len(value) > MOST_STEPS:
        raise PydanticCustomError("too_long", "too long", {"max_length": MOST_STEPS})
    if not value:
        raise PydanticCustomError("too_short", "too short", {"min_length": 1})
    faults = Faults()
    steps = [faults.take(_read_step, step, index) for index, step in enumerate(value)]
    faults.raise_any()
    return steps


Trigger = Annotated[dict[str, Any], PlainValidator(one_of(AnyTrigger), json_schema_input_type=AnyTrigger)]
Steps = Annotated[
    list[Any],
    PlainValidator(
        _read_steps,
        json_schema_input_type=Annotated[list[AnyStep], Field(min_length=1, max_length=MOST_STEPS)],
    ),
]


def minutes_of(delay: Mapping[str, Any]) -> int:
    """Return the length of a saved delay in minutes."""
    return next(int(delay[unit]) * minutes for unit, minutes in MINUTES.items() if delay.get(unit))


class Reference(NamedTuple):
    """A record that a definition refers to by id. `kind` is user, stage, integration or form."""

    field: str
    kind: str
    id: int


def references(trigger: Any, steps: Any) -> Iterator[Reference]:
    """Yield all records that a definition refers to by id, with dotted field names.

    Invalid parts are skipped, so that a client gets the errors of the other parts at the same time.
    """
    yield from _named(trigger, "trigger")
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        if isinstance(step, Mapping):
            yield from _named(step.get("action"), f"steps.{index}.action")


_KINDS = {
    "stage_id": "stage",
    "from_stage_id": "stage",
    "to_stage_id": "stage",
    "form_id": "form",
    "integration_id": "integration",
    "user_id": "user",
    "round_robin": "user",
    "to": "user",
}


def _named(part: Any, path: str) -> Iterator[Reference]:
    for name, value in part.items() if isinstance(part, Mapping) else ():
        kind = _KINDS.get(name)
        if kind is None:
            continue
        if isinstance(value, list):
            yield from (Reference(f"{path}.{name}.{nr}", kind, id_) for nr, id_ in enumerate(value) if _is_id(id_))
        elif _is_id(value):
            yield Reference(f"{path}.{name}", kind, value)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < INT64
