"""Tags as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from shared.validation.types import ColorText, text_constraints

UniqueTagName = Annotated[str, text_constraints(100, min_length=1)]


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
