"""Schemas of the inbound endpoints for the OpenAPI document. The body of a lead is `InboundLead`."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from shared.leads.inbound import InboundLead
from shared.platform.errors import FieldErrors
from shared.platform.validation.types import QueryFlag

MAX_BATCH_LEADS = 1000

LeadBatch = Annotated[list[InboundLead], Field(max_length=MAX_BATCH_LEADS)]


class InboundQuery(TypedDict, total=False):
    tenant: Annotated[str, Field(min_length=1, description="The slug of the key's workspace.")]


class InboundLeadQuery(InboundQuery, total=False):
    dry_run: Annotated[QueryFlag, Field(description="Tell what would happen, and store nothing.")]


InboundHeaders = TypedDict(
    "InboundHeaders",
    {
        "Prefer": Annotated[str, Field(description="`respond-async`, or `wait=N` for 1 to 30 seconds.")],
        "Idempotency-Key": Annotated[
            str, Field(min_length=1, max_length=255, description="Makes a repeat harmless. Kept at least 24 hours.")
        ],
    },
    total=False,
)


Change = TypedDict("Change", {"from": Any, "to": Any})


class InboundAnswer(TypedDict):
    """The outcome for a lead. `lead_id` and `is_duplicate` are null while it is only accepted (202)."""

    status: Literal["created", "accepted"]
    lead_id: int | None
    is_duplicate: bool | None
    submission_id: UUID
    matched_on: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


class DryRun(TypedDict):
    """The outcome that a lead would have. `lead_id` is that of the lead it would be merged into, null for a new one.

    `changes` are null for a key without `read:leads`.
    """

    status: Literal["dry_run"]
    lead_id: int | None
    is_duplicate: bool
    matched_on: list[str]
    warnings: list[str]
    changes: dict[str, Change] | None


class BatchLine(TypedDict):
    """The outcome for one lead of a batch, with `errors` if it is invalid."""

    index: int
    status: Literal["created", "accepted", "invalid"]
    submission_id: UUID | None
    lead_id: int | None
    is_duplicate: bool | None
    matched_on: NotRequired[list[str]]
    warnings: NotRequired[list[str]]
    errors: NotRequired[FieldErrors]


class Health(TypedDict):
    """200 as long as leads can be taken durably."""

    status: Literal["ok"]
    version: str
    timestamp: datetime


@with_config(ConfigDict(json_schema_extra={"additionalProperties": True}))
class FormValues(TypedDict, total=False):
    """The values of the form's fields by their keys; which, the form says. Other keys are ignored."""
