"""Tags as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict


class TagRecord(TypedDict):
    id: int
    name: str
    color: str | None
    leads_count: int
    created_at: datetime
    updated_at: datetime
