"""The messages that webhook subscriptions receive, for the OpenAPI document."""

from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from services.api.schemas.leads import LeadRecord


class RemovedLead(TypedDict):
    """All that is known of a lead that was removed before the message was made."""

    id: int


class ErasedLead(TypedDict):
    """All that is left of a lead whose person was erased: its id, and fields that are empty."""

    id: int
    first_name: None
    last_name: None
    email: None
    email_as_given: None
    phone: None
    company: None
    job_title: None
    country: None
    source: None
    status: None
    pipeline_id: None
    pipeline_stage_id: None
    assigned_user_id: None
    notes: None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: None
    attribution: None
    created_at: None
    updated_at: None


class EventMessage(TypedDict):
    """`id` is the same in every attempt. `lead` is the lead as it is when the message is made.

    `test` is in test events only, and true: their lead is made up, and its id is 0.
    """

    id: str
    occurred_at: datetime
    lead: LeadRecord | RemovedLead
    test: NotRequired[Literal[True]]


class LeadCreatedData(TypedDict, total=False):
    source: str
    channel: str
    submission_id: str


class LeadDuplicateData(LeadCreatedData, total=False):
    matched_on: list[str]


ValueChange = TypedDict("ValueChange", {"from": Any, "to": Any})
ReferenceChange = TypedDict("ReferenceChange", {"from": int | None, "to": int | None})


class LeadUpdatedData(TypedDict):
    """`fields` names what changed, a custom field as `custom_fields.<key>`. Notes and tags are not in `changes`."""

    fields: list[str]
    changes: dict[str, ValueChange]


class NoData(TypedDict):
    """Always empty."""


class TagAddedData(TypedDict):
    tag: str


class FormSubmittedData(TypedDict):
    form_id: int


class AutomationRanData(TypedDict):
    automation_id: int
    run_id: int


class LeadCreatedEvent(EventMessage):
    """A lead was created, by any channel."""

    event: Literal["lead.created"]
    data: LeadCreatedData


class LeadUpdatedEvent(EventMessage):
    """Fields, notes or tags of a lead changed."""

    event: Literal["lead.updated"]
    data: LeadUpdatedData


class LeadDeletedEvent(TypedDict):
    """A lead was deleted. `lead` is the lead as it was; of an erased person nothing but the id is told."""

    id: str
    occurred_at: datetime
    lead: LeadRecord | ErasedLead | RemovedLead
    event: Literal["lead.deleted"]
    data: NoData
    test: NotRequired[Literal[True]]


class LeadMergedData(TypedDict):
    """`merged_lead_id` is the lead that went. Its id answers with `lead` from now on."""

    merge_id: int
    merged_lead_id: int


class LeadMergedEvent(EventMessage):
    """Another lead was merged into this one. `lead.updated` follows if fields changed."""

    event: Literal["lead.merged"]
    data: LeadMergedData


class LeadUnmergedData(TypedDict):
    merge_id: int
    winner_id: int
    restored_lead_id: int


class LeadUnmergedEvent(EventMessage):
    """A merge was undone. It comes twice: with the lead that had stayed, and with the one that is back."""

    event: Literal["lead.unmerged"]
    data: LeadUnmergedData


class LeadDuplicateEvent(EventMessage):
    """A lead was received that was there already. `matched_on` says by what it was recognised."""

    event: Literal["lead.duplicate"]
    data: LeadDuplicateData


class LeadStageChangedEvent(EventMessage):
    """A lead moved to another stage of a pipeline."""

    event: Literal["lead.stage_changed"]
    data: ReferenceChange


class LeadAssignedEvent(EventMessage):
    """A lead was assigned to a user."""

    event: Literal["lead.assigned"]
    data: ReferenceChange


class TagAddedEvent(EventMessage):
    """A lead was given a tag. Each tag is a message of its own."""

    event: Literal["tag.added"]
    data: TagAddedData


class FormSubmittedEvent(EventMessage):
    """A form was filled in."""

    event: Literal["form.submitted"]
    data: FormSubmittedData


class SourceSilentData(TypedDict):
    integration_id: int | None
    form_id: int | None
    name: str
    type: str
    last_received_at: datetime | None
    silence_after_minutes: int


class SourceSilentEvent(TypedDict):
    """A source has sent no lead for its `silence_after_minutes`. It comes once, until a lead comes again.

    Either `integration_id` or `form_id` is set. The `type` of a form is `form`.
    """

    id: str
    occurred_at: datetime
    lead: None
    event: Literal["source.silent"]
    data: SourceSilentData
    test: NotRequired[Literal[True]]


class AutomationRanEvent(EventMessage):
    """An automation reached a step that sends a webhook. It goes to the address of that step."""

    event: Literal["automation.ran"]
    data: AutomationRanData


EVENT_MESSAGES: dict[str, type] = {
    "lead.created": LeadCreatedEvent,
    "lead.updated": LeadUpdatedEvent,
    "lead.deleted": LeadDeletedEvent,
    "lead.merged": LeadMergedEvent,
    "lead.unmerged": LeadUnmergedEvent,
    "lead.duplicate": LeadDuplicateEvent,
    "lead.stage_changed": LeadStageChangedEvent,
    "lead.assigned": LeadAssignedEvent,
    "tag.added": TagAddedEvent,
    "form.submitted": FormSubmittedEvent,
    "source.silent": SourceSilentEvent,
    "automation.ran": AutomationRanEvent,
}
