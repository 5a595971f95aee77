"""Double opt-in: the mails that ask visitors to confirm their address, and what a submission says that waits for it."""

from collections.abc import Callable, Sequence
from typing import Any

from services.workers.mail_limits.mail_allowance import MailRefusal, VisitorMail
from services.workers.mail_limits.recipient_limits import count_mails
from shared.leads.submission import AcceptedSubmission
from shared.outbound.deliveries import NewDelivery, mail_to_confirm
from shared.outbound.mailboxes import recipient_digest
from shared.platform.db.connections import StatementExecutor

UNCONFIRMED_REASON = {
    "code": "unconfirmed",
    "points": 0,
    "text": "Its sender has not followed the link in the mail that asks for confirmation.",
}
UNSENT_CODE = "confirmation_unsent"
UNSENT_TO_RECIPIENT_TEXT = "The mail that asks for confirmation was not sent: its address has had enough mails for now."
UNSENT_BY_FORM_TEXT = (
    "The mail that asks for confirmation was not sent: the form has sent too many of them within an hour."
)


def take_confirmation_mail(submission: AcceptedSubmission) -> NewDelivery | None:
    """Return the mail that asks for a confirmation. Its text, which the gateway wrote, leaves the submission."""
    form: dict[str, Any] = submission.form or {}
    content = form.pop("confirmation", None)
    if not content or not form.get("is_unconfirmed"):
        return None
    address = submission.body["email"]
    return mail_to_confirm(submission.workspace_id, form["id"], submission.id, address, content)


async def count_confirmations(
    connection: StatementExecutor, submissions: Sequence[AcceptedSubmission], read_key: Callable[[], str]
) -> dict[str, MailRefusal]:
    """Count the mails that ask for these submissions. Return, by submission, which are refused.

    It takes the last locks of the transaction.
    """
    if not submissions:
        return {}
    key = read_key()
    counted = await count_mails(connection, [_visitor_mail(one, key) for one in submissions])
    return {one.id: refusal for one, refusal in zip(submissions, counted, strict=True) if refusal}


def unconfirmed_reasons(refusal: MailRefusal | None) -> list[dict[str, Any]]:
    """Return the reasons for which a submission is held that waits for its confirmation."""
    return [UNCONFIRMED_REASON, *([_unsent_reason(refusal)] if refusal else [])]


def _visitor_mail(submission: AcceptedSubmission, key: str) -> VisitorMail:
    form: dict[str, Any] = submission.form or {}
    recipient = recipient_digest(key, submission.body["email"])
    return VisitorMail("confirmation", submission.workspace_id, form["id"], recipient)


def _unsent_reason(refusal: MailRefusal) -> dict[str, Any]:
    text = UNSENT_BY_FORM_TEXT if refusal.scope == "form" else UNSENT_TO_RECIPIENT_TEXT
    return {"code": UNSENT_CODE, "points": 0, "text": text}
