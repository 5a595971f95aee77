"""A person's data: what an erasure takes, and what remains of it. And how long a workspace keeps what."""

from datetime import datetime
from typing import Any, Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from services.api.schemas.submissions import ReasonText
from shared.people.personal_tables import PersonalGroup
from shared.platform.validation.types import StrictFlag

PersonRows = list[dict[str, Any]]


class PersonReport(TypedDict):
    """Everything that is held on a person, with a member for each kind of rows.

    `lead` is as the API shows it, and null if it was deleted. A submission has its `payload` as it was sent, and all of
    what is `stored`. Files have a `url`.
    """

    format: int
    lead_ids: list[int]
    lead: dict[str, Any] | None
    submissions: PersonRows
    waiting_submissions: PersonRows
    leads: PersonRows
    lead_attributions: PersonRows
    lead_points: PersonRows
    lead_search: PersonRows
    identities: PersonRows
    submission_versions: PersonRows
    submission_visitors: PersonRows
    source_fetches: PersonRows
    files: PersonRows
    activities: PersonRows
    tasks: PersonRows
    events: PersonRows
    automation_runs: PersonRows
    inactivity_timers: PersonRows
    delivery_attempts: PersonRows
    deliveries: PersonRows
    feed_events: PersonRows
    conversions: PersonRows
    possible_duplicates: PersonRows
    suppressions: PersonRows
    merges: PersonRows
    duplicate_pairs: PersonRows
    likeness: PersonRows
    import_rows: PersonRows


class EraseFields(TypedDict, total=False):
    """`confirm` true erases. Without it the answer says what would go.

    `tell_receivers` false: subscriptions get no `lead.deleted`.
    """

    confirm: StrictFlag | None
    reason: ReasonText | None
    tell_receivers: StrictFlag | None


class HeldGroupRecord(TypedDict):
    """How much is held of one kind, how much of it goes, and what stays."""

    kind: PersonalGroup
    held: int
    goes: int
    stays: str | None


class ErasureRecord(TypedDict):
    """An erasure. `removed` has counts by kind.

    In the state `preview` nothing was erased, and `groups` says what would go. In the state `finishing` the person is
    gone, and workers look for what was on its way.
    """

    id: UUID | None
    state: Literal["preview", "finishing", "done"]
    lead_id: int
    lead_ids: list[int]
    reason: str | None
    requested_by: dict[str, Any] | None
    removed: dict[str, int]
    total: int
    erased_at: datetime | None
    finished_at: datetime | None
    groups: NotRequired[list[HeldGroupRecord]]


class RetentionRecord(TypedDict):
    """For how many days a workspace keeps what. `installation_days` is the most for all but the timeline."""

    submissions_days: int | None
    held_days: int | None
    activities_days: int | None
    attempts_days: int | None
    installation_days: int
