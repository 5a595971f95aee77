"""The replies of forms to the addresses that visitors gave: rendered, and counted so that they flood nobody."""

from collections.abc import Sequence
from typing import NamedTuple

from services.workers.automations.form_notification import MAX_REPLY_SUBJECT_LENGTH, FormNotification
from services.workers.automations.types import OutboxEvent
from services.workers.mail_allowance import VisitorMail, recipient_digest
from services.workers.recipient_limits import count_mails
from shared.automations.rendering_budget import RenderingBudget
from shared.automations.templates import TemplateTooCostly
from shared.crypto.encryption import Cipher
from shared.db.connections import Connection, as_json
from shared.observability import logging
from shared.outbound.deliveries import NewDelivery, notification_to_address

log = logging.get_logger()

UNSENT_REPLY_WARNING = "The form’s reply was not sent: its address has had enough mails for now."

# The time selects one partition.
ADD_WARNINGS_SQL = """
UPDATE submissions s SET warnings = array_append(s.warnings, %s)
FROM json_to_recordset(%s::json) AS unsent(w bigint, id uuid, at timestamptz)
WHERE s.workspace_id = unsent.w AND s.id = unsent.id AND s.received_at = unsent.at
"""


class RenderedReply(NamedTuple):
    """The reply to a submission."""

    filled: FormNotification
    delivery: NewDelivery


def render_reply(vault: Cipher, event: OutboxEvent, filled: FormNotification) -> RenderedReply | None:
    """Return the reply to a submission of a form that has one; None if it costs too much to render."""
    budget, templates, address = RenderingBudget(), filled.auto_reply or {}, str(filled.lead["email"])
    try:
        subject, body = (
            budget.render_text(templates[part], dict(filled.lead), slack=False) for part in ("subject", "body")
        )
    except TemplateTooCostly:
        log.warning("form.auto_reply_unrendered", submission_id=filled.submission_id)
        return None
    told = subject[:MAX_REPLY_SUBJECT_LENGTH], body
    return RenderedReply(
        filled, notification_to_address(vault, event.workspace_id, address, *told, lead_id=event.lead_id)
    )


async def count_replies(connection: Connection, vault: Cipher, replies: Sequence[RenderedReply]) -> list[NewDelivery]:
    """Return the replies that may go out. The submissions of the others get a warning."""
    key = vault.signing_key()
    refusals = await count_mails(connection, [_visitor_mail(reply, key) for reply in replies])
    decided = [*zip(replies, refusals, strict=True)]
    if unsent := [reply for reply, refusal in decided if refusal]:
        rows = [
            {"w": reply.delivery.workspace_id, "id": reply.filled.submission_id, "at": reply.filled.received_at}
            for reply in unsent
        ]
        await connection.execute(ADD_WARNINGS_SQL, (UNSENT_REPLY_WARNING, as_json(rows)))
    return [reply.delivery for reply, refusal in decided if not refusal]


def _visitor_mail(reply: RenderedReply, key: str) -> VisitorMail:
    recipient = recipient_digest(key, str(reply.filled.lead["email"]))
    return VisitorMail("reply", reply.delivery.workspace_id, reply.filled.form_id, recipient)
