"""Mails to people who left an address, counted before they are written: replies of forms, and steps of automations.

Whoever fills in a form, ours or one that posts with a key, chooses the address. What started an automation is therefore
not asked: every `send_email` step to the lead's own address counts.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.workers.automations.auto_replies import RenderedReply, warn_of_unsent
from services.workers.automations.suppressed_addresses import AddressKey, find_suppressed
from services.workers.mail_allowance import MailRefusal, VisitorMail, recipient_digest
from services.workers.recipient_limits import count_mails
from shared.automations.action_handlers import StepReport
from shared.db.connections import Connection
from shared.outbound.deliveries import NewDelivery

SKIPPED_OUTCOME: Final = "skipped"
# How much an address gets from other workspaces is nobody's business.
ENOUGH_MAILS_REASON = "not sent: this address has had enough mails for now"
LIMIT_REASON = "not sent: this address got {mails} mails in the last {span}"


class LeadMail(NamedTuple):
    """The mail of a step to the address of its lead. `report` is the outcome of the step."""

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
        self.report.update(outcome=SKIPPED_OUTCOME, reason=unsent_reason(refusal))


def unsent_reason(refusal: MailRefusal) -> str:
    """Return why the mail of a step was not sent."""
    if refusal.scope != "workspace":
        return ENOUGH_MAILS_REASON
    return LIMIT_REASON.format(mails=refusal.limit.mails, span=refusal.limit.span_name)


async def find_unsent(
    connection: Connection, key: str, replies: Sequence[RenderedReply], mails: Sequence[LeadMail]
) -> set[str]:
    """Count mails. Return the message ids of those that may not go, after their submissions and steps say so.

    All of them are counted at once, since the counters are locked in one order. A mail to an address that has
    unsubscribed is not counted, as its delivery ends without being sent.
    """
    suppressed = await find_suppressed(connection, {mail.address_key for mail in mails})
    counted = [mail for mail in mails if mail.address_key not in suppressed]
    all_mails = [*(reply.counted_mail(key) for reply in replies), *(mail.counted_mail(key) for mail in counted)]
    refusals = await count_mails(connection, all_mails)
    unsent_replies = [reply for reply, refusal in zip(replies, refusals, strict=False) if refusal]
    await warn_of_unsent(connection, unsent_replies)
    unsent = {reply.delivery.message_id for reply in unsent_replies}
    for mail, refusal in zip(counted, refusals[len(replies) :], strict=True):
        if refusal:
            mail.note_unsent(refusal)
            unsent.add(mail.delivery.message_id)
    return unsent
