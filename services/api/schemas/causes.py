"""Causes of failures as they are asked for, changed and shown."""

from datetime import datetime
from typing import Annotated, Literal

from typing_extensions import TypedDict

from shared.operations.fingerprint import FailureKind
from shared.platform.validation.types import UtcTime, text_constraints

CauseState = Literal["open", "ignored", "fixed"]


class CauseQuery(TypedDict, total=False):
    """`since` selects causes that were seen at that time or later."""

    since: UtcTime
    kind: FailureKind
    state: CauseState


class CauseFields(TypedDict, total=False):
    """Without `ignored_until` an ignored cause stays so for good."""

    state: CauseState
    ignored_until: UtcTime | None
    note: Annotated[str, text_constraints(1000)] | None


class CauseRecord(TypedDict):
    """Failures with the same cause. Nothing in it is taken from a lead.

    `count` is how many are failed now. The other counts are of failures, whatever became of them since; `hours` are the
    last 24 hours, the present one last. `sources` are the most frequent ones. `reopened_at` tells that the cause came
    back by itself after it was fixed or ignored.
    """

    id: int
    kind: FailureKind
    error_type: str
    title: str
    place: str
    count: int
    last_hour: int
    last_day: int
    last_week: int
    hours: list[int]
    first_seen_at: datetime
    last_seen_at: datetime
    sources: list[str]
    state: CauseState
    ignored_until: datetime | None
    reopened_at: datetime | None
    note: str | None
    changed_by: str | None
    changed_at: datetime | None
