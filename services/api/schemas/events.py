"""The feed of events as it is asked for and shown, and samples of events."""

from collections.abc import Callable
from typing import Annotated, Any, Final, get_args

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from services.api.schemas.webhook_events import (
    FormSubmittedEvent,
    LeadAssignedEvent,
    LeadCreatedEvent,
    LeadDeletedEvent,
    LeadDuplicateEvent,
    LeadMergedEvent,
    LeadStageChangedEvent,
    LeadUnmergedEvent,
    LeadUpdatedEvent,
    SourceSilentEvent,
    TagAddedEvent,
)
from shared.outbound.subscription_fields import EVENT_TYPES, FeedEventType
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import Text100

MAX_WAIT_SECONDS: Final = 25
MAX_EVENTS: Final = 100
NAMED_TYPES: Final = frozenset(get_args(FeedEventType))
COUNT_MESSAGE: Final = "The {{field}} field must be a number from 1 to {most}."
UNKNOWN_TYPE_MESSAGE: Final = f"The {{field}} field must name events, with commas between: {', '.join(EVENT_TYPES)}."

LeadEventMessage = (
    LeadCreatedEvent
    | LeadUpdatedEvent
    | LeadDeletedEvent
    | LeadMergedEvent
    | LeadUnmergedEvent
    | LeadDuplicateEvent
    | LeadStageChangedEvent
    | LeadAssignedEvent
    | TagAddedEvent
    | FormSubmittedEvent
)
AnyEventMessage = LeadEventMessage | SourceSilentEvent


def _parse_types(value: Any) -> tuple[str, ...] | None:
    """Parse names with commas between. Each counts once; an empty text means all events."""
    names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",") if name.strip()))
    if not NAMED_TYPES.issuperset(names) or (value and not names):
        raise custom_error(UNKNOWN_TYPE_MESSAGE)
    return names or None


def _count_parser(most: int) -> Callable[[Any], int]:
    """Return a parser of a number of digits, from 1 on."""

    def parse(value: Any) -> int:
        digits = str(value)
        number = int(digits[:9]) if digits.isascii() and digits.isdigit() else 0
        if not 1 <= number <= most:
            raise custom_error(COUNT_MESSAGE.format(most=most))
        return number

    return parse


WaitSeconds = Annotated[
    int,
    BeforeValidator(
        _count_parser(MAX_WAIT_SECONDS), json_schema_input_type=Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS)]
    ),
]
EventCount = Annotated[
    int, BeforeValidator(_count_parser(MAX_EVENTS), json_schema_input_type=Annotated[int, Field(ge=1, le=MAX_EVENTS)])
]


class EventQuery(TypedDict, total=False):
    """Where to go on, which events, and for how long to wait for one."""

    after: Annotated[
        Text100 | None,
        Field(
            description="`meta.next_cursor` of the previous answer. `now`: what comes from now on. Absent: the oldest "
            "event that is kept."
        ),
    ]
    types: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_parse_types, json_schema_input_type=str),
        Field(description="Names of events with commas between, such as `lead.created,lead.updated`. Absent: all."),
    ]
    wait: Annotated[
        WaitSeconds,
        Field(description="Seconds to wait for an event if there is none yet. Absent: the answer comes at once."),
    ]
    limit: Annotated[EventCount, Field(description="Events in an answer; 100 unless given.")]


class EventFeedMeta(TypedDict):
    """`next_cursor` is never null: with it, the next request goes on behind these events."""

    next_cursor: str


class EventFeedPage(TypedDict):
    """Events, oldest first, each with the body that a webhook has."""

    data: list[AnyEventMessage]
    meta: EventFeedMeta


class SampleQuery(TypedDict, total=False):
    event: FeedEventType


class EventSamples(TypedDict):
    """Events, newest first. One with `"test": true` is made up."""

    data: list[AnyEventMessage]
