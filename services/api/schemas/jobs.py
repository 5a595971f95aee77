"""Jobs, and what makes one: a filter, the count that was answered, and how to go about it."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, Required
from uuid import UUID

from pydantic import ConfigDict, Field, Strict
from typing_extensions import TypedDict

from services.api.schemas.deliveries import DeliveryState
from services.api.schemas.submissions import (
    ReasonText,
    SubmissionState,
    VersionAuthorRecord,
    VersionDifferenceRecord,
)
from shared.jobs.job_control import MAX_RATE, JobState
from shared.jobs.job_kinds import AnyJobKind
from shared.outbound.deliveries import DeliveryKind
from shared.platform.validation.types import QueryText, RecordId, StrictFlag, Text255, UtcTime

MAX_NAMED_IDS = 1000  # ids that a filter may name
MAX_CHANGES = 50

JobRate = Annotated[int, Strict(), Field(ge=1, le=MAX_RATE)]
RowCount = Annotated[int, Strict(), Field(ge=0, le=2**63 - 1)]
Examples = Annotated[int, Strict(), Field(ge=1, le=10)]
ItemOutcomeName = Literal["done", "failed", "skipped", "waiting"]

# An unknown filter would let everything match, so that it is an error here.
_KNOWN_FILTERS_ONLY = ConfigDict(extra="forbid")


class SubmissionFilterFields(TypedDict, total=False):
    """The filters of the list of submissions, and `ids`. None of them: all that the action can take."""

    __pydantic_config__ = _KNOWN_FILTERS_ONLY  # type: ignore[misc]

    state: SubmissionState | None
    channel: Text255 | None
    source: Text255 | None
    lead_id: RecordId | None
    is_duplicate: StrictFlag | None
    rejected: StrictFlag | None
    received_after: UtcTime | None
    received_before: UtcTime | None
    search: QueryText
    ids: Annotated[list[UUID], Field(max_length=MAX_NAMED_IDS)] | None


class DeliveryFilterFields(TypedDict, total=False):
    """The filters of the list of deliveries, and `ids`. Without `state` the failed and cancelled ones."""

    __pydantic_config__ = _KNOWN_FILTERS_ONLY  # type: ignore[misc]

    state: DeliveryState | None
    kind: DeliveryKind | None
    lead_id: RecordId | None
    subscription_id: RecordId | None
    integration_id: RecordId | None
    created_after: UtcTime | None
    created_before: UtcTime | None
    ids: Annotated[list[RecordId], Field(max_length=MAX_NAMED_IDS)] | None


class PayloadChangeFields(TypedDict, total=False):
    """A change to the payload: `set` a field (dotted) to `value`, `map` its values by `values`, or `drop` it."""

    op: Required[Literal["set", "map", "drop"]]
    field: Required[Annotated[str, Field(strict=True, min_length=1, max_length=255)]]
    value: Any
    values: dict[str, Any]


class BulkFields(TypedDict, total=False):
    """`confirm` and `as_of` are the count that was answered and its time: the job takes what matched then and matches
    still. Without `as_of` a count that moved is a conflict (409). `rate` is in items a second; null is as fast as it
    can be.
    """

    filter: SubmissionFilterFields
    confirm: RowCount | None
    as_of: UtcTime | None
    rate: JobRate | None
    reason: ReasonText | None


class BulkReleaseFields(BulkFields, total=False):
    """Without automations nothing but the timeline tells of the released submissions."""

    with_automations: StrictFlag


class BulkReplayFields(BulkReleaseFields, total=False):
    """`changes` are made to every payload. `preview` asks for so many examples of what would become of them."""

    changes: Annotated[list[PayloadChangeFields], Field(max_length=MAX_CHANGES)] | None
    preview: Examples | None


class BulkResendFields(TypedDict, total=False):
    """As for submissions, with the filters of deliveries."""

    filter: DeliveryFilterFields
    confirm: RowCount | None
    as_of: UtcTime | None
    rate: JobRate | None
    reason: ReasonText | None


class ReplayExampleRecord(TypedDict):
    """A payload before and after the changes, and the `outcome`: the answer of a dry run, or null with an `error`."""

    id: UUID
    before: Any
    after: Any
    differences: list[VersionDifferenceRecord]
    outcome: dict[str, Any] | None
    error: str | None


class BulkCountRecord(TypedDict):
    """How many match, and as of when. Nothing is changed until these are sent as `confirm` and `as_of`."""

    count: int
    as_of: datetime
    examples: NotRequired[list[ReplayExampleRecord]]


class JobQuery(TypedDict, total=False):
    kind: AnyJobKind
    state: JobState


class JobItemQuery(TypedDict, total=False):
    outcome: ItemOutcomeName


class JobRecord(TypedDict):
    """`total` rows were confirmed; `done`, `failed` and `skipped` count what became of them so far.

    A row is skipped if its state moved on meanwhile. `error` says why the last try of a chunk failed. Of a `backfill`,
    `total` grows as the provider's list is read, and leads that are known already are skipped.
    """

    id: int
    kind: AnyJobKind
    state: JobState
    filter: dict[str, Any]
    changes: list[dict[str, Any]] | None
    with_automations: bool
    total: int
    done: int
    failed: int
    skipped: int
    rate: int | None
    reason: str | None
    error: str | None
    created_by: VersionAuthorRecord
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class AfterwardsRecord(TypedDict):
    """How the submissions that a job took stand now."""

    waiting: int
    done: int
    dead: int
    quarantined: int


class JobOutcomeRecord(JobRecord):
    """`done` ended well. Submissions that were replayed or released and are dead once more are `died_again`."""

    died_again: int


class JobWithAfterwardsRecord(JobOutcomeRecord):
    afterwards: AfterwardsRecord | None


class JobItemRecord(TypedDict):
    """A row of a job, by its number within the job. `outcome` is null until it is handled.

    `done` says that the job did its part. A submission that was replayed may have died again: its own state tells.
    """

    id: int
    submission_id: UUID | None
    delivery_id: int | None
    outcome: Literal["done", "failed", "skipped"] | None
    error: str | None


class JobChangeFields(TypedDict, total=False):
    """Items a second; null is as fast as it can be."""

    rate: JobRate | None
