"""Tags as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict

from shared.leads.lead_fields import UniqueTagName
from shared.platform.validation.types import ColorText


class TagFields(TypedDict, total=False):
    name: UniqueTagName
    color: ColorText | None


class TagRecord(TypedDict):
    id: int
    name: str
    color: str | None
    leads_count: int
    created_at: datetime
    updated_at: datetime
