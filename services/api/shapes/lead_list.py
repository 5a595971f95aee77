"""What the list of leads can be asked for."""

from typing import Literal

from typing_extensions import TypedDict

from shared.automations.fields import Status
from shared.validation import QueryFlag, QueryId, QueryText, Time


class LeadQuery(TypedDict, total=False):
    """Filters combine with AND. Times are strict: after means later than."""

    source: QueryText
    status: Status
    pipeline_id: QueryId
    stage_id: QueryId
    assigned_user_id: QueryId
    tag: QueryText
    search: QueryText
    created_after: Time
    created_before: Time
    updated_after: Time
    updated_before: Time
    starred: QueryFlag
    sort: Literal["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"]
    direction: Literal["desc", "asc"]
