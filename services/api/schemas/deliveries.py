"""Deliveries and suppressions as they are asked for and shown."""

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from services.api.schemas.submissions import VersionAuthorRecord
from shared.leads.inbound import EmailAddress
from shared.outbound.deliveries import DeliveryKind
from shared.outbound.suppression_fields import SuppressionNote
from shared.outbound.suppressions import SuppressionReason
from shared.platform.validation.types import QueryId, UtcTime

DeliveryState = Literal["pending", "sent", "failed", "cancelled", "suppressed"]


class SubscriptionDeliveryQuery(TypedDict, total=False):
    state: DeliveryState
    lead_id: QueryId


class DeliveryQuery(SubscriptionDeliveryQuery, total=False):
    """`cause` selects the failed deliveries of a cause, which `GET /operations/causes` lists."""

    kind: DeliveryKind
    cause: QueryId
    subscription_id: QueryId
    integration_id: QueryId
    created_after: UtcTime
    created_before: UtcTime


class DeliveryRecord(TypedDict):
    """One message to one receiver. `message_id` is its `webhook-id`, the same in every attempt.

    A notice without `user_id` goes to an address that a form names.
    """

    id: int
    message_id: str
    kind: DeliveryKind
    event: str | None
    lead_id: int | None
    subscription_id: int | None
    integration_id: int | None
    user_id: int | None
    state: DeliveryState
    attempts: int
    error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class AttemptRecord(TypedDict):
    """The `request` without secrets, and the beginning of the response. Without `finished_at` it is under way.

    Of an address that an automation or a Slack integration names, scheme and host are shown; the rest is masked.
    """

    number: int
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    request: dict[str, Any] | None
    status: int | None
    headers: dict[str, str] | None
    body: str | None
    error: str | None


class DeliveryWithAttemptsRecord(DeliveryRecord):
    history: list[AttemptRecord]


class ResendFields(TypedDict, total=False):
    """`since` selects deliveries created at that time or later."""

    since: UtcTime


class ResentRecord(TypedDict):
    count: int


class SuppressionFields(TypedDict, total=False):
    """`note` says why, for your team."""

    email: EmailAddress
    note: SuppressionNote | None


class SuppressionRecord(TypedDict):
    """An address that gets no mail. `created_by` is null if the person unsubscribed by the link in a mail."""

    id: int
    email: str
    reason: SuppressionReason
    note: str | None
    created_by: VersionAuthorRecord | None
    created_at: datetime
