"""The replies of forms to the addresses that visitors gave: rendered, and submissions that say which are missing."""

from collections.abc import Sequence
from typing import NamedTuple

from services.workers.automations.form_notification import MAX_REPLY_SUBJECT_LENGTH, FormNotification
from services.workers.mail_limits.mail_allowance import VisitorMail
from services.workers.outbox.outbox_event import OutboxEvent
from shared.automations.rendering_budget import RenderingBudget
from shared.automations.templates import TemplateTooCostly
from shared.outbound.deliveries import REPLY_EVENT, NewDelivery, notification_to_address
from shared.outbound.mailboxes import recipient_digest
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection, as_json
from shared.platform.observability import logging

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

    def counted_mail(self, key: str) -> VisitorMail:
        """Return what is counted."""
        recipient = recipient_digest(key, str(self.filled.lead["email"]))
        return VisitorMail("reply", self.delivery.workspace_id, self.filled.form_id, recipient)


def render_reply(cipher: TransactionCipher, event: OutboxEvent, filled: FormNotification) -> RenderedReply | None:
    """Return the reply to a submission of a form that has one; None if it costs too much to render."""
    budget, templates, address = RenderingBudget(), filled.auto_reply or {}, str(filled.lead["email"])
    try:
        subject, body = (
            budget.render_text(templates[part], dict(filled.lead), slack=False) for part in ("subject", "body")
        )
    except TemplateTooCostly:
        log.warning("form.auto_reply_unrendered", submission_id=filled.submission_id)
        return None
    texts = subject[:MAX_REPLY_SUBJECT_LENGTH], body
    return RenderedReply(
        filled,
        notification_to_address(cipher, event.workspace_id, address, *texts, lead_id=event.lead_id, event=REPLY_EVENT),
    )


async def warn_of_unsent(connection: Connection, replies: Sequence[RenderedReply]) -> None:
    """Add a warning to the submissions whose replies may not go out."""
    if replies:
        rows = [
            {"w": reply.delivery.workspace_id, "id": reply.filled.submission_id, "at": reply.filled.received_at}
            for reply in replies
        ]
        await connection.execute(ADD_WARNINGS_SQL, (UNSENT_REPLY_WARNING, as_json(rows)))
