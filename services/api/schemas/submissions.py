"""Submissions as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from shared.intake.change_author import AuthorKind
from shared.integrations.attribution import Attribution
from shared.platform.validation.types import QueryFlag, QueryId, QueryText, StrictFlag, UtcTime

ReasonText = Annotated[str, Field(strict=True, max_length=1000)]

SubmissionState = Literal["accepted", "done", "dead", "quarantined", "replayed"]


class FormSubmissionQuery(TypedDict, total=False):
    state: SubmissionState
    source: QueryText
    lead_id: QueryId
    is_duplicate: QueryFlag
    received_after: UtcTime
    received_before: UtcTime


class SubmissionQuery(FormSubmissionQuery, total=False):
    """`search` is an id, or words of the payload. It takes two seconds at most and says how far it looked.

    `cause` selects the dead submissions of a cause, which `GET /operations/causes` lists. Held submissions that were
    rejected are listed with `state=quarantined` only if `rejected` says so.
    """

    channel: QueryText
    cause: QueryId
    rejected: QueryFlag
    search: QueryText


class SpamReasonRecord(TypedDict):
    code: str
    points: float
    text: str


class SpamRecord(TypedDict):
    """The points of a visitor's submission, and the signals that gave them: why it is held, if it is."""

    score: float
    reasons: list[SpamReasonRecord]


class SubmissionRecord(TypedDict):
    """`payload` is what was sent: the lead, the values of a form's fields, or the document of a provider's webhook.

    A test lead of a provider is done without a lead.
    """

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
    spam: SpamRecord | None
    rejected_at: datetime | None
    attribution: Attribution | None
    is_test: bool


class ReleaseFields(TypedDict, total=False):
    """Without automations nothing but the timeline tells of the submission."""

    reason: ReasonText | None
    with_automations: StrictFlag


class ReplayFields(ReleaseFields, total=False):
    """`payload` takes the place of the one that came, which is kept as the first version.

    Of a form's submission it is the lead that the form made; the form's values stay as they came.
    """

    payload: dict[str, Any] | None


class RejectFields(TypedDict, total=False):
    reason: ReasonText | None


class VersionAuthorRecord(TypedDict):
    """An API key, a user, or a command on the machine, with the name that it had at the time."""

    kind: AuthorKind
    id: int | None
    name: str


class VersionDifferenceRecord(TypedDict):
    """A field that differs from the version before. A side that lacks it is null."""

    op: Literal["added", "changed", "removed"]
    field: str
    before: Any
    after: Any


class SubmissionVersionRecord(TypedDict):
    """A payload that was replayed. Version 1 is the payload as it came, and has no author."""

    version: int
    created_at: datetime
    author: VersionAuthorRecord | None
    reason: str | None
    payload: Any
    changes: list[VersionDifferenceRecord]
