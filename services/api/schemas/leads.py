"""Leads as they are sent and shown, and their timeline."""

from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from shared.integrations.attribution import Attribution
from shared.leads.lead_fields import UniqueTagName
from shared.leads.lead_status import LeadStatus


class LeadAttributionRecord(TypedDict):
    """Where the lead came from, at first and at last."""

    first: Attribution
    last: Attribution


class LeadRecord(TypedDict):
    """A lead. `email_as_given` is what came as its email and cannot be read; it is null where there is an email.

    A phone that cannot be read stands in `phone` as it was sent. Neither identifies anybody.
    """

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    email_as_given: str | None
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
