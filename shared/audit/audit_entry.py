"""An entry of the audit log, and writing entries."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from shared.audit.audit_masking import clean_text, masked_fields
from shared.platform.db.connections import LOCAL_COMMIT, Connection

ActorKind = Literal["user", "key", "cli", "system"]
Outcome = Literal["done", "refused", "failed"]

LOST_DETAILS_REASON = "details could not be kept"

# Entries are written apart from what they tell of. One whose commit waited for a standby that is away would be given up
# and written again, and would be there twice.
WRITE_ENTRIES_SQL = f"""
INSERT INTO audit_log (workspace_id, at, actor_kind, actor_id, actor_name, action, route, object_kind, object_id,
                       status, outcome, reason, filter, count, before, after, address, request_id)
SELECT workspace_id, at, actor_kind, actor_id, actor_name, action, route, object_kind, object_id, status, outcome,
       reason, filter, count, before, after, address, request_id
FROM json_to_recordset(%s::json) AS e(
    workspace_id bigint, at timestamptz, actor_kind text, actor_id bigint, actor_name text, action text, route text,
    object_kind text, object_id text, status smallint, outcome text, reason text, filter jsonb, count bigint,
    before jsonb, after jsonb, address text, request_id text)
RETURNING {LOCAL_COMMIT}
"""


@dataclass(frozen=True, slots=True)
class AuditActor:
    """Who did it, and in which workspace; the workspace is None for what concerns the installation."""

    kind: ActorKind
    id: int | None
    name: str | None
    workspace_id: int | None = None


@dataclass(slots=True)
class AuditDetails:
    """The details that a handler adds to its request's entry. Values are masked when the entry is made."""

    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    filter: Mapping[str, Any] | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry. Without an actor nobody was known; `status` is the HTTP status of the answer, None for a command."""

    action: str
    outcome: Outcome
    actor: AuditActor | None = None
    workspace_id: int | None = None
    route: str | None = None
    status: int | None = None
    details: AuditDetails = field(default_factory=AuditDetails)
    address: str | None = None
    request_id: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def encode_row(self) -> bytes:
        """Return the row to write as JSON, with everything masked that no log may hold.

        What cannot be encoded is left out and said to be: who did what must stand in the log whatever was sent.
        """
        try:
            return self._encode()
        except (TypeError, ValueError, RecursionError):
            reason = "; ".join(filter(None, (self.details.reason, LOST_DETAILS_REASON)))
            without = replace(self.details, before=None, after=None, filter=None, reason=reason)
            return replace(self, details=without)._encode()

    def _encode(self) -> bytes:
        actor, details = self.actor, self.details
        row = {name: value for name, value in asdict(details).items() if name != "action"}
        for name in ("before", "after", "filter"):
            row[name] = masked_fields(row[name], details.object_kind)
        row |= {
            "workspace_id": self.workspace_id,
            "at": self.at,
            "actor_kind": actor and actor.kind,
            "actor_id": actor and actor.id,
            "actor_name": actor and actor.name,
            "action": details.action or self.action,
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "address": self.address,
            "request_id": self.request_id,
        }
        cleaned = {name: clean_text(value) if isinstance(value, str) else value for name, value in row.items()}
        return orjson.dumps(cleaned, default=str)


async def write_rows(connection: Connection, rows: Sequence[bytes]) -> None:
    """Write encoded entries with one statement, in the caller's transaction if there is one."""
    await connection.execute(WRITE_ENTRIES_SQL, (f"[{b','.join(rows).decode()}]",))


async def write_command(
    connection: Connection,
    action: str,
    *,
    workspace_id: int | None,
    object_kind: str,
    object_id: object,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the entry of a command, such as `key.created`. The actor is the user of the operating system."""
    details = AuditDetails(object_kind=object_kind, object_id=str(object_id), after=after)
    actor = AuditActor("cli", None, _system_user(), workspace_id)
    await write_rows(connection, [AuditEntry(action, "done", actor, workspace_id, details=details).encode_row()])


def _system_user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return None
