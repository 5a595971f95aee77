"""What the list of leads can be asked for."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from shared.leads.lead_status import LeadStatus
from shared.platform.validation.types import QueryFlag, QueryId, QueryText, UtcTime

EMAIL_DESCRIPTION = "In any spelling: the lead that is known by this address. Send a `+` as `%2B`."
PHONE_DESCRIPTION = (
    "In any spelling: the lead that is known by this number. Send a `+` as `%2B`; without one the number is read as "
    "dialled in the workspace's country."
)

UNREADABLE_DESCRIPTION = (
    "Leads with an email, or a phone, that cannot be read: `email_as_given`, or a `phone` by which nobody is known."
)

SEARCH_DESCRIPTION = (
    "Part of a name, company, email or phone, in any case and any spelling of a phone. May trail a change by 2 s. "
    "Three letters or more are found fast."
)


class LeadListQuery(TypedDict, total=False):
    """Filters combine with AND. Times are strict: after means later than.

    `utm_source` and `utm_campaign` are those of the lead's last attribution, otherwise of its first.
    """

    source: QueryText
    status: LeadStatus
    pipeline_id: QueryId
    stage_id: QueryId
    assigned_user_id: QueryId
    tag: QueryText
    email: Annotated[QueryText, Field(description=EMAIL_DESCRIPTION)]
    phone: Annotated[QueryText, Field(description=PHONE_DESCRIPTION)]
    unreadable: Annotated[Literal["email", "phone"], Field(description=UNREADABLE_DESCRIPTION)]
    search: Annotated[QueryText, Field(description=SEARCH_DESCRIPTION)]
    created_after: UtcTime
    created_before: UtcTime
    updated_after: UtcTime
    updated_before: UtcTime
    starred: QueryFlag
    utm_source: QueryText
    utm_campaign: QueryText
    sort: Literal["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"]
    direction: Literal["desc", "asc"]
