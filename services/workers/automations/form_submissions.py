"""Load form submissions for the mails that the forms send: to the addresses that they notify, and to the visitor."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import orjson

from services.workers.automations.form_notification import FormNotification, reply_values
from services.workers.automations.suppressed_addresses import AddressKey, find_suppressed
from services.workers.outbox.outbox_event import OutboxEvent
from shared.leads.submission import FORM_KEY
from shared.platform import ids
from shared.platform.db.connections import Connection, as_json

# One lateral lookup for each submission: its time, taken from the id or the key, selects one partition of submissions.
FORM_SUBMISSIONS_SQL = """
SELECT k.nr, s.received_at, f.name, f.fields, coalesce(f.settings->'notify_emails', '[]'), f.settings->'auto_reply',
       s.payload,
       (SELECT jsonb_object_agg(lower(u.email), a.preferences->>'language')
        FROM jsonb_array_elements_text(f.settings->'notify_emails') address
        JOIN users u ON u.workspace_id = k.w AND lower(u.email) = lower(address)
        JOIN accounts a ON a.id = u.account_id)
FROM json_to_recordset(%s::json) AS k(nr int, w bigint, form bigint, submission uuid, at timestamptz)
JOIN forms f ON f.workspace_id = k.w AND f.id = k.form
CROSS JOIN LATERAL (
    SELECT received_at, payload FROM submissions
    WHERE workspace_id = k.w AND id = k.submission AND received_at = coalesce(
        k.at, (SELECT received_at FROM submission_keys WHERE workspace_id = k.w AND id = k.submission))
    LIMIT 1) s
WHERE f.settings->'notify_emails' <> '[]' OR f.settings ? 'auto_reply'
ORDER BY k.nr
"""


async def load_form_notifications(
    connection: Connection, submitted: Sequence[tuple[OutboxEvent, int]]
) -> list[tuple[OutboxEvent, FormNotification]]:
    """Return a notification for each submission. Forms that were deleted or no longer send mails are left out."""
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
    found = [(submitted[row[0]][0], _read_notification(*submitted[row[0]], row[1:])) for row in rows]
    return await _without_suppressed_replies(connection, found)


def _read_notification(event: OutboxEvent, form_id: int, row: tuple[Any, ...]) -> FormNotification:
    received_at, name, fields, addresses, auto_reply, payload, languages = row
    body = orjson.loads(payload)
    return FormNotification(
        lead_id=event.lead_id,
        form_id=form_id,
        submission_id=event.data["submission_id"],
        received_at=received_at.astimezone(UTC),
        form_name=name,
        fields=fields,
        addresses=list({address.lower(): address for address in addresses}.values()),
        languages=languages or {},
        values=body[FORM_KEY]["values"],
        auto_reply=auto_reply if body.get("email") else None,
        lead=reply_values(body),
    )


async def _without_suppressed_replies(
    connection: Connection, notifications: list[tuple[OutboxEvent, FormNotification]]
) -> list[tuple[OutboxEvent, FormNotification]]:
    """Remove the replies to addresses that want no mail of the workspace."""
    unwanted = await find_suppressed(
        connection, {_reply_key(event, one) for event, one in notifications if one.auto_reply}
    )
    return [
        (event, one._replace(auto_reply=None) if _reply_key(event, one) in unwanted else one)
        for event, one in notifications
    ]


def _reply_key(event: OutboxEvent, filled: FormNotification) -> AddressKey:
    return event.workspace_id, str(filled.lead["email"]).lower()
