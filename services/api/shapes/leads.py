"""Leads as they are sent and shown, and their timeline."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from services.api.shapes.tags import TagName
from shared.automations.fields import Status
from shared.leads.inbound import CustomFields, Email
from shared.leads.merge import MOST_NOTES
from shared.validation import Flag, Id, Text64, Text100, Text255

# Longer than what a client may send at first: merged notes can be sent back unchanged.
Notes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=MOST_NOTES)]

# PHP encodes an empty object as an empty list.
CustomFieldsOfAny = Annotated[CustomFields, BeforeValidator(lambda value: {} if value == [] else value)]


class LeadFields(TypedDict, total=False):
    """`custom_fields` is merged key by key, null removes a key; `tags` replaces the set."""

    first_name: Text255 | None
    last_name: Text255 | None
    email: Email | None
    phone: Text64 | None
    company: Text255 | None
    job_title: Text255 | None
    country: Text100 | None
    source: Text255 | None
    status: Status
    starred: Flag
    pipeline_id: Id | None
    pipeline_stage_id: Id | None
    assigned_user_id: Id | None
    notes: Notes | None
    custom_fields: CustomFieldsOfAny | None
    tags: Annotated[list[TagName], Strict(), Field(max_length=100)] | None


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
    status: Status
    lead_score: int
    starred: bool
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    notes: str | None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: int | None
    created_at: datetime
    updated_at: datetime


class LeadTag(TypedDict, total=False):
    tag: TagName


class ActivityRecord(TypedDict):
    """An event in the past tense, such as `lead.created`. `data` has details: `changes`, `tags_added`, `by`."""

    id: int
    lead_id: int
    type: str
    data: dict[str, Any]
    created_at: datetime
