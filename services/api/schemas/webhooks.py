"""Subscriptions to events as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.outbound.subscription_fields import WebhookEventType
from shared.outbound.subscription_filters import SubscriptionFilters
from shared.outbound.subscriptions import MAX_OVERLAP_HOURS


class RotationFields(TypedDict, total=False):
    """`overlap_hours` says for how long the old secret signs as well: 24 unless sent. With 0 it ends at once."""

    overlap_hours: Annotated[int, Strict(), Field(ge=0, le=MAX_OVERLAP_HOURS)]


class SampleEventFields(TypedDict, total=False):
    """`event` is the one to send; without it, the first of the subscription. `*` stands for `lead.created`."""

    event: WebhookEventType


class WebhookRecord(TypedDict):
    """`disabled_reason` and `disabled_at` say why and when it was disabled automatically."""

    id: int
    url: str
    events: list[str]
    description: str | None
    filters: SubscriptionFilters | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewWebhookRecord(WebhookRecord):
    """With the signing secret, which is only shown once."""

    secret: str
