"""Subscriptions to events as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.platform.validation.types import HttpUrl, LongText, StrictFlag

WebhookEventType = Literal[
    "lead.created",
    "lead.updated",
    "lead.deleted",
    "lead.merged",
    "lead.unmerged",
    "lead.duplicate",
    "lead.stage_changed",
    "lead.assigned",
    "tag.added",
    "form.submitted",
    "source.silent",
    "*",
]


class WebhookFields(TypedDict, total=False):
    url: HttpUrl
    events: Annotated[list[WebhookEventType], Strict(), Field(min_length=1, max_length=100)]
    description: LongText | None
    is_active: StrictFlag


class WebhookRecord(TypedDict):
    """`disabled_reason` and `disabled_at` say why and when it was disabled automatically."""

    id: int
    url: str
    events: list[str]
    description: str | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewWebhookRecord(WebhookRecord):
    """With the signing secret, which is only shown once."""

    secret: str
