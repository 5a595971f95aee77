"""Tasks as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict

from shared.platform.validation.types import QueryFlag, QueryId, RecordId, RequiredName, UtcTime


class TaskFields(TypedDict, total=False):
    title: RequiredName
    lead_id: RecordId | None
    user_id: RecordId | None
    due_at: UtcTime | None
    done_at: UtcTime | None


class TaskQuery(TypedDict, total=False):
    lead_id: QueryId
    user_id: QueryId
    done: QueryFlag


class TaskRecord(TypedDict):
    id: int
    lead_id: int | None
    title: str
    due_at: datetime | None
    user_id: int | None
    done_at: datetime | None
    created_at: datetime
    updated_at: datetime
