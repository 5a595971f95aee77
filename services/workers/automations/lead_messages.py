"""Messages to people who left an address, counted before they are written: replies of forms, steps of automations.

Whoever fills in a form, ours or one that posts with a key, chooses the address and the phone number. What started an
automation is therefore not asked: every `send_email` step to the lead's own address counts, and every `send_sms` step.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.workers.automations.auto_replies import RenderedReply, warn_of_unsent
from services.workers.automations.suppressed_addresses import AddressKey, find_suppressed
from services.workers.mail_limits.mail_allowance import MailRefusal, VisitorMail
from services.workers.mail_limits.recipient_limits import count_mails
from shared.automations.action_handlers import StepReport
from shared.outbound.deliveries import NewDelivery
from shared.outbound.mailboxes import recipient_digest
from shared.platform.db.connections import Connection

SKIPPED_OUTCOME: Final = "skipped"
# How much an address gets from other workspaces is nobody's business.
ENOUGH_MAILS_REASON = "not sent: this address has had enough mails for now"
LIMIT_REASON = "not sent: this address got {mails} mails in the last {span}"
ENOUGH_TEXTS_REASON = "not sent: this number has had enough text messages for now"
TEXTS_LIMIT_REASON = "not sent: this number got {mails} text messages in the last {span}"


class LeadMessage(NamedTuple):
    """The mail or text message of a step to its lead. `address` may be a phone number.

    `report` is the outcome of the step.
    """

    delivery: NewDelivery
    address: str
    report: StepReport

    @property
    def address_key(self) -> AddressKey:
        return self.delivery.workspace_id, self.address.lower()

    def counted_mail(self, key: str) -> VisitorMail:
        """Return what is counted."""
        return VisitorMail("automation", self.delivery.workspace_id, None, recipient_digest(key, self.address))

    def note_unsent(self, refusal: MailRefusal) -> None:
        """Let the outcome of the step say why there is no mail."""
        reason = unsent_reason(refusal, is_text=self.delivery.kind == "sms")
        self.report.update(outcome=SKIPPED_OUTCOME, reason=reason)


def unsent_reason(refusal: MailRefusal, *, is_text: bool = False) -> str:
    """Return why the mail of a step, or its text message, was not sent."""
    if refusal.scope != "workspace":
        return ENOUGH_TEXTS_REASON if is_text else ENOUGH_MAILS_REASON
    limit_reason = TEXTS_LIMIT_REASON if is_text else LIMIT_REASON
    return limit_reason.format(mails=refusal.limit.mails, span=refusal.limit.span_name)


async def find_unsent(
    connection: Connection, key: str, replies: Sequence[RenderedReply], messages: Sequence[LeadMessage]
) -> set[str]:
    """Count messages. Return the message ids of those that may not go, after their submissions and steps say so.

    All of them are counted at once, since the counters are locked in one order. A mail to an address that has
    unsubscribed is not counted, as its delivery ends without being sent.
    """
    suppressed = await find_suppressed(connection, {message.address_key for message in messages})
    counted = [message for message in messages if message.address_key not in suppressed]
    all_mails = [*(reply.counted_mail(key) for reply in replies), *(message.counted_mail(key) for message in counted)]
    refusals = await count_mails(connection, all_mails)
    unsent_replies = [reply for reply, refusal in zip(replies, refusals, strict=False) if refusal]
    await warn_of_unsent(connection, unsent_replies)
    unsent = {reply.delivery.message_id for reply in unsent_replies}
    for message, refusal in zip(counted, refusals[len(replies) :], strict=True):
        if refusal:
            message.note_unsent(refusal)
            unsent.add(message.delivery.message_id)
    return unsent
