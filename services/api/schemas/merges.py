"""Merges as they are asked for and shown."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.api.schemas.leads import LeadRecord
from shared.platform.validation.types import RecordId


class MergeFields(TypedDict, total=False):
    """`lead_id` is the lead that goes. `fields` says by name whose value stays, a custom field as
    `custom_fields.<key>`."""

    lead_id: RecordId
    fields: Annotated[dict[str, Literal["ours", "theirs"]], Field(max_length=1000)]


class UnmergeFields(TypedDict, total=False):
    merge_id: RecordId


class MergedLeadRecord(LeadRecord):
    """The lead that stays, with the merge that it can be undone by."""

    merge_id: int


class UnmergedLeadRecord(MergedLeadRecord):
    """The lead that had stayed, and the one that is back.

    `kept` are fields that were not taken back, each with the reason: they were edited since, or another merge has
    replaced them.
    """

    restored: LeadRecord
    kept: dict[str, str]
