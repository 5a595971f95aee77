"""What somebody did about a lead outside LeadHub and logs on its timeline: a call, a note, a mail, a meeting.

A logged activity is an entry of the timeline with an event, so that timers of inactivity start again. It changes no
field of the lead. Each function runs in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from typing_extensions import TypedDict

from shared.leads.edit import ChangeCause
from shared.leads.lead_redirects import find_winner
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import FieldErrors
from shared.platform.validation.types import text_constraints

MAX_LOGGED_TEXT = 5_000  # characters
TAKE_BACK_HOURS = 24  # for which its author can take an entry back

LoggedKind = Literal["call", "note", "email", "meeting"]
CallOutcome = Literal["reached", "no_answer", "left_message"]
LoggedText = Annotated[str, text_constraints(MAX_LOGGED_TEXT)]

LOGGED_TYPES: Final[Mapping[str, str]] = {
    "call": "call.logged",
    "note": "note.logged",
    "email": "email.logged",
    "meeting": "meeting.logged",
}
CALL_OUTCOMES: Final = ("reached", "no_answer", "left_message")

# The update locks the lead, and the clock is read after it: entries of a lead are in the order of their times.
LOG_SQL = """
WITH locked AS (
    UPDATE leads SET updated_at = greatest(clock_timestamp(), updated_at)
    WHERE workspace_id = %(w)s AND id = %(lead)s RETURNING workspace_id, id
), logged AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT workspace_id, id, %(type)s, %(data)s::jsonb FROM locked
    RETURNING id, workspace_id, lead_id, type, data, created_at
), told AS (
    INSERT INTO events (workspace_id, type, lead_id, activity_id)
    SELECT l.workspace_id, l.type, l.lead_id, l.id FROM logged l JOIN rule_versions v USING (workspace_id)
    WHERE v.is_watched
)
SELECT id, lead_id, type, data, created_at FROM logged
"""
# An event whose entry is gone is dropped by the outbox.
TAKE_BACK_SQL = """
DELETE FROM activities
WHERE workspace_id = %(w)s AND lead_id = %(lead)s AND id = %(id)s AND type = ANY(%(types)s)
  AND data->'by' @> %(by)s::jsonb AND created_at > clock_timestamp() - %(hours)s * interval '1 hour'
"""


class LoggedActivity(TypedDict, total=False):
    """What is logged. A call may have an `outcome`, and a note has a `text`."""

    type: LoggedKind
    outcome: CallOutcome | None
    text: LoggedText | None


class LoggedEntry(TypedDict):
    """The entry of a logged activity, as the API shows it."""

    id: int
    lead_id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


def find_logging_errors(activity: Mapping[str, Any]) -> FieldErrors:
    """Return what is wrong with an activity whose fields have the right types, by field."""
    errors: FieldErrors = {}
    kind = activity.get("type")
    if kind == "note" and not (activity.get("text") or "").strip():
        errors["text"] = ["A note needs a text."]
    if activity.get("outcome") and kind not in ("call", None):
        errors["outcome"] = ["Only a call has an outcome."]
    return errors


async def log_activity(
    connection: Connection, workspace_id: int, lead_id: int, activity: LoggedActivity, cause: ChangeCause
) -> LoggedEntry | None:
    """Log an activity that is sound. Return its entry, None if there is no such lead.

    By the id of a merged lead, the lead gets it that answers for it.
    """
    data: dict[str, Any] = {"by": cause.to_dict()}
    data |= {name: value for name in ("outcome", "text") if (value := _stripped(activity.get(name)))}
    values = {"w": workspace_id, "lead": lead_id, "type": LOGGED_TYPES[activity["type"]], "data": as_json(data)}
    row = await (await connection.execute(LOG_SQL, values)).fetchone()
    if row is None:
        winner = await find_winner(connection, workspace_id, lead_id)
        return await log_activity(connection, workspace_id, winner, activity, cause) if winner else None
    return LoggedEntry(id=row[0], lead_id=row[1], type=row[2], data=row[3], created_at=row[4])


async def take_back_activity(
    connection: Connection, workspace_id: int, lead_id: int, entry_id: int, cause: ChangeCause
) -> bool:
    """Take a logged activity back. Only its author can, for a day. Return False if there is no such entry."""
    values = {
        **{"w": workspace_id, "lead": lead_id, "id": entry_id, "types": list(LOGGED_TYPES.values())},
        **{"by": as_json({"kind": cause.kind, "id": cause.id}), "hours": TAKE_BACK_HOURS},
    }
    return (await connection.execute(TAKE_BACK_SQL, values)).rowcount > 0


def _stripped(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
