"""Tags as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.platform.validation.types import RecordId


class TagRecord(TypedDict):
    id: int
    name: str
    color: str | None
    leads_count: int
    aliases: list[str]
    created_at: datetime
    updated_at: datetime


class TagMergeFields(TypedDict, total=False):
    into: RecordId
    confirm: Annotated[int, Strict(), Field(ge=0, le=2**63 - 1, description="The number of leads that have the tag.")]
