"""What a key is told of itself."""

from datetime import datetime

from typing_extensions import TypedDict


class WorkspaceRecord(TypedDict):
    id: int
    slug: str
    name: str


class MeRecord(TypedDict):
    id: int
    name: str
    scopes: list[str]
    rate_limit: int | None
    expires_at: datetime | None
    workspace: WorkspaceRecord
