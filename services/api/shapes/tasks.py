"""Tasks as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict

from shared.validation import Id, Name, QueryFlag, QueryId, Time


class TaskFields(TypedDict, total=False):
    title: Name
    lead_id: Id | None
    user_id: Id | None
    due_at: Time | None
    done_at: Time | None


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
