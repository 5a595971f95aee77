"""The fields of a lead that people and API keys may set, with their rules."""

from typing import Annotated

from pydantic import BeforeValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.leads.duplicate_policy import MAX_NOTES_LENGTH
from shared.leads.inbound import CustomFields, EmailAddress
from shared.leads.lead_status import LeadStatus
from shared.platform.validation.types import (
    VISIBLE_NAME,
    RecordId,
    StrictFlag,
    Text64,
    Text100,
    Text255,
    text_constraints,
)

# Longer than what a client may send at first: merged notes can be sent back unchanged.
LeadNotes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=MAX_NOTES_LENGTH)]

# PHP encodes an empty object as an empty list.
LenientCustomFields = Annotated[CustomFields, BeforeValidator(lambda value: {} if value == [] else value)]

UniqueTagName = Annotated[str, text_constraints(100, min_length=1), VISIBLE_NAME]


class LeadFields(TypedDict, total=False):
    """`custom_fields` is merged key by key, null removes a key; `tags` replaces the set.

    `email_as_given` is what came as an email and cannot be read. It goes when the lead gets an email.
    """

    first_name: Text255 | None
    last_name: Text255 | None
    email: EmailAddress | None
    email_as_given: Text255 | None
    phone: Text64 | None
    company: Text255 | None
    job_title: Text255 | None
    country: Text100 | None
    source: Text255 | None
    status: LeadStatus
    starred: StrictFlag
    pipeline_id: RecordId | None
    pipeline_stage_id: RecordId | None
    assigned_user_id: RecordId | None
    notes: LeadNotes | None
    custom_fields: LenientCustomFields | None
    tags: Annotated[list[UniqueTagName], Strict(), Field(max_length=100)] | None
