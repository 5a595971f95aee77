"""Submissions as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator
from typing_extensions import TypedDict

from shared.validation.messages import custom_error
from shared.validation.types import INT64_LIMIT, QueryFlag, QueryId, QueryText, Text255, UtcTime

SubmissionState = Literal["accepted", "done", "dead", "quarantined", "replayed"]


def _read_confirm(value: Any) -> Any:
    if not isinstance(value, int) or not 0 <= value < INT64_LIMIT:
        raise custom_error("The {field} field must be true, false or the count that was answered.")
    return value


class FormSubmissionQuery(TypedDict, total=False):
    state: SubmissionState
    source: QueryText
    lead_id: QueryId
    is_duplicate: QueryFlag
    received_after: UtcTime
    received_before: UtcTime


class SubmissionQuery(FormSubmissionQuery, total=False):
    """`cause` selects the dead submissions of a cause, which `GET /operations/causes` lists."""

    channel: QueryText
    cause: QueryId


class SubmissionRecord(TypedDict):
    """`payload` is what was sent: the lead, or the values of a form's fields."""

    id: UUID
    state: SubmissionState
    channel: str
    source: str | None
    lead_id: int | None
    is_duplicate: bool | None
    matched_on: list[str] | None
    payload: Any
    changes: dict[str, Any] | None
    warnings: list[str] | None
    error: str | None
    attempts: int
    received_at: datetime
    processed_at: datetime | None


class ReplayFields(TypedDict, total=False):
    """Selects submissions by the time they were received. For `confirm` see the endpoint."""

    state: Literal["dead", "quarantined"]
    since: UtcTime | None
    before: UtcTime | None
    channel: Text255 | None
    source: Text255 | None
    confirm: Annotated[bool | int, BeforeValidator(_read_confirm)] | None


class ReplayRecord(TypedDict):
    """How many submissions match, and how many of them are processed again."""

    count: int
    replayed: int
