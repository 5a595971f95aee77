"""The audit log as it is asked for and shown."""

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from shared.audit.audit_entry import ActorKind, Outcome
from shared.platform.validation.types import QueryText, UtcTime


class AuditQuery(TypedDict, total=False):
    """`actor` is a kind of actor, such as `cli`, or one of them, such as `key:7`; `action` is exact: `api_key.created`.

    `format` chooses JSON or CSV.
    """

    actor: QueryText
    action: QueryText
    outcome: Outcome
    after: UtcTime
    before: UtcTime
    format: Literal["json", "csv"]


class AuditRecord(TypedDict):
    """A request or command that steers. Without an actor nobody was known.

    `before` and `after` hold settings in clear, and of secrets and personal data the names of the fields alone.
    `filter` and `count` tell of work in bulk. Without `status` it was a command.
    """

    id: int
    at: datetime
    actor_kind: ActorKind | None
    actor_id: int | None
    actor_name: str | None
    action: str
    route: str | None
    object_kind: str | None
    object_id: str | None
    status: int | None
    outcome: Outcome
    reason: str | None
    filter: dict[str, Any] | None
    count: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
