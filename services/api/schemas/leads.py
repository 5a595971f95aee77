"""Leads as they are sent and shown, and their timeline."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from services.api.schemas.tags import UniqueTagName
from shared.automations.fields import LeadStatus
from shared.integrations.attribution import Attribution
from shared.leads.inbound import CustomFields, EmailAddress
from shared.leads.merge import MAX_NOTES_LENGTH
from shared.validation.types import RecordId, StrictFlag, Text64, Text100, Text255

# Longer than what a client may send at first: merged notes can be sent back unchanged.
LeadNotes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=MAX_NOTES_LENGTH)]

# PHP encodes an empty object as an empty list.
LenientCustomFields = Annotated[CustomFields, BeforeValidator(lambda value: {} if value == [] else value)]


class LeadFields(TypedDict, total=False):
    """`custom_fields` is merged key by key, null removes a key; `tags` replaces the set."""

    first_name: Text255 | None
    last_name: Text255 | None
    email: EmailAddress | None
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


class LeadAttributionRecord(TypedDict):
    """Where the lead came from, at first and at last."""

    first: Attribution
    last: Attribution


class LeadRecord(TypedDict):
    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    country: str | None
    source: str | None
    status: LeadStatus
    lead_score: int
    starred: bool
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    notes: str | None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: int | None
    attribution: LeadAttributionRecord | None
    created_at: datetime
    updated_at: datetime


class LeadTag(TypedDict, total=False):
    tag: UniqueTagName


class ActivityRecord(TypedDict):
    """An event in the past tense, such as `lead.created`. `data` has details: `changes`, `tags_added`, `by`."""

    id: int
    lead_id: int
    type: str
    data: dict[str, Any]
    created_at: datetime
