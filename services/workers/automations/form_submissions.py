"""Load form submissions for the mails to the addresses that the forms notify."""

from collections.abc import Sequence
from datetime import UTC

import orjson

from services.workers.automations.form_notification import FormNotification
from services.workers.automations.types import OutboxEvent
from shared import ids
from shared.db.connections import Connection, as_json
from shared.leads.submission import FORM_KEY

# One lateral lookup for each submission: its time, taken from the id or the key, selects one partition of submissions.
FORM_SUBMISSIONS_SQL = """
SELECT k.nr, s.received_at, f.name, f.fields, f.settings->'notify_emails', s.payload
FROM json_to_recordset(%s::json) AS k(nr int, w bigint, form bigint, submission uuid, at timestamptz)
JOIN forms f ON f.workspace_id = k.w AND f.id = k.form
CROSS JOIN LATERAL (
    SELECT received_at, payload FROM submissions
    WHERE workspace_id = k.w AND id = k.submission AND received_at = coalesce(
        k.at, (SELECT received_at FROM submission_keys WHERE workspace_id = k.w AND id = k.submission))
    LIMIT 1) s
WHERE f.settings->'notify_emails' <> '[]'
ORDER BY k.nr
"""


async def load_form_notifications(
    connection: Connection, submitted: Sequence[tuple[OutboxEvent, int]]
) -> list[tuple[OutboxEvent, FormNotification]]:
    """Return a notification for each submission. Forms that were deleted or no longer notify anybody are left out."""
    if not submitted:
        return []
    wanted = [
        {
            "nr": nr,
            "w": event.workspace_id,
            "form": form_id,
            "submission": event.data["submission_id"],
            "at": ids.received_time(event.data["submission_id"]),
        }
        for nr, (event, form_id) in enumerate(submitted)
    ]
    rows = await (await connection.execute(FORM_SUBMISSIONS_SQL, (as_json(wanted),))).fetchall()
    found = []
    for nr, received_at, name, fields, addresses, payload in rows:
        event, _ = submitted[nr]
        values = orjson.loads(payload)[FORM_KEY]["values"]
        submission_id, at = event.data["submission_id"], received_at.astimezone(UTC)
        each = list({address.lower(): address for address in addresses}.values())
        found.append((event, FormNotification(event.lead_id, submission_id, at, name, fields, each, values)))
    return found
