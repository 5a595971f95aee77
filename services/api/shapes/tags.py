"""Tags as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from shared.validation import Color, text

TagName = Annotated[str, text(100, shortest=1)]


class TagFields(TypedDict, total=False):
    name: TagName
    color: Color | None


class TagRecord(TypedDict):
    id: int
    name: str
    color: str | None
    leads_count: int
    created_at: datetime
    updated_at: datetime
