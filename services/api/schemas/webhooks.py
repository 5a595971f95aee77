"""Subscriptions to events as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, Strict
from typing_extensions import TypedDict

from services.api.schemas.events import AnyEventMessage
from shared.outbound.subscription_fields import FilterText, MappingText, WebhookEventType
from shared.outbound.subscription_filters import SubscriptionFilters
from shared.outbound.subscriptions import MAX_OVERLAP_HOURS


class RotationFields(TypedDict, total=False):
    """`overlap_hours` says for how long the old secret signs as well: 24 unless sent. With 0 it ends at once."""

    overlap_hours: Annotated[int, Strict(), Field(ge=0, le=MAX_OVERLAP_HOURS)]


class SampleEventFields(TypedDict, total=False):
    """`event` is the one to send; without it, the first of the subscription. `*` stands for `lead.created`."""

    event: WebhookEventType


class PreviewFields(TypedDict, total=False):
    """What a subscription would have. Without `events` it is all of them."""

    events: Annotated[list[WebhookEventType], Strict(), Field(min_length=1, max_length=100)]
    filters: SubscriptionFilters | None
    filter_expression: FilterText | None
    body_expression: MappingText | None


class PreviewedEventRecord(TypedDict):
    """`error` says why `filter_expression` gives nothing for this event: then it does not match."""

    id: str
    event: str
    occurred_at: datetime
    lead_id: int | None
    matches: bool
    error: str | None


class PreviewedBodyRecord(TypedDict):
    """`body` is what would be sent in place of `standard_body`; null with an `error` if the mapping gives none.

    Where no event matches, there is one body of the newest event, which `matches` says.
    """

    id: str
    matches: bool
    standard_body: AnyEventMessage
    body: Any
    error: str | None


class PreviewRecord(TypedDict):
    """Of `checked` events `matching` would be sent. For `failing` ones the filter gives nothing.

    `is_complete` is false where events are too large, or the filter too slow, to look at more of them.
    `is_made_up`: the workspace had no such event yet, and these are of a made-up lead. `bodies` are the first three.
    """

    checked: int
    matching: int
    failing: int
    is_complete: bool
    is_made_up: bool
    events: list[PreviewedEventRecord]
    bodies: list[PreviewedBodyRecord]


class EventTypeRecord(TypedDict):
    """An event: its name, when it is sent, the JSON Schema (2020-12) of its message, and a message.

    `is_subscribable` is false for what goes to the address of an automation's step, and needs no subscription.
    """

    name: str
    description: str
    is_subscribable: bool
    schema: dict[str, Any]
    sample: dict[str, Any]


class WebhookRecord(TypedDict):
    """`disabled_reason` and `disabled_at` say why and when it was disabled automatically.

    `filter_failures` counts the events for which `filter_expression` gave nothing, since it was written. They were not
    sent. `filter_error` says why of the last one, and `filter_failed_at` when.
    """

    id: int
    url: str
    events: list[str]
    description: str | None
    filters: SubscriptionFilters | None
    filter_expression: str | None
    body_expression: str | None
    max_per_minute: int | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    filter_failures: int
    filter_error: str | None
    filter_failed_at: datetime | None


class NewWebhookRecord(WebhookRecord):
    """With the signing secret, which is only shown once."""

    secret: str
