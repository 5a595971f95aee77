"""How many mails the visitors of forms may set off to one recipient, and one form in all. Pure.

Whoever fills in a form chooses the address, from any number of network addresses and in any number of forms. What
counts is therefore the address that would get the mail.
"""

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from shared.leads.contact import InvalidContact, normalise_email

VisitorMailKind = Literal["confirmation", "reply"]
MailRefusal = Literal["recipient", "form"]


class MailLimit(NamedTuple):
    """At most so many mails in any span of that length."""

    mails: int
    span: timedelta


HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
RECIPIENT_LIMITS: Final = (MailLimit(5, HOUR), MailLimit(10, DAY))  # of a workspace
INSTALLATION_LIMITS: Final = (MailLimit(10, HOUR), MailLimit(20, DAY))  # of all workspaces together
REPLY_LIMITS: Final = (MailLimit(1, timedelta(minutes=10)),)  # of a form to one recipient
FORM_LIMITS: Final = (MailLimit(1000, HOUR),)  # confirmations of a form to all recipients
LONGEST_SPAN: Final = DAY


@dataclass(frozen=True, slots=True)
class VisitorMail:
    """A mail that a visitor's submission sets off. `recipient` is the digest of its address."""

    kind: VisitorMailKind
    workspace_id: int
    form_id: int
    recipient: str

    def limits(self) -> dict[str, tuple[MailLimit, ...]]:
        """Return the limits that the mail counts for, by what is counted."""
        own = (
            {f"replies:{self.form_id}:{self.recipient}": REPLY_LIMITS}
            if self.kind == "reply"
            else {f"form:{self.form_id}": FORM_LIMITS}
        )
        return {
            f"recipient:{self.recipient}": INSTALLATION_LIMITS,
            f"workspace:{self.workspace_id}:{self.recipient}": RECIPIENT_LIMITS,
            **own,
        }


def recipient_digest(key: str, address: str) -> str:
    """Return a keyed hash of the mailbox of an address: without case, `+tag`, and the dots that Gmail ignores."""
    try:
        normal = normalise_email(address, fold_gmail=True)
    except InvalidContact:
        normal = address.strip().lower()
    local, _, domain = normal.rpartition("@")
    mailbox = f"{local.partition('+')[0] or local}@{domain}"
    secret = b"mail recipients:" + key.encode()
    return hmac.new(secret, mailbox.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]


def decide_mails(
    mails: Sequence[VisitorMail], sent: Mapping[str, Sequence[datetime]], now: datetime
) -> tuple[list[MailRefusal | None], dict[str, list[datetime]]]:
    """Decide on mails in their order. `sent` says when the earlier ones went, by what is counted.

    Return for each why it may not go, or None, and the times to keep of what has changed.
    """
    times = {subject: sorted(at for at in earlier if at > now - LONGEST_SPAN) for subject, earlier in sent.items()}
    refusals: list[MailRefusal | None] = []
    changed: dict[str, list[datetime]] = {}
    for mail in mails:
        full = next(
            (name for name, limits in mail.limits().items() if _is_full(times.get(name, ()), limits, now)), None
        )
        refusals.append(None if full is None else "form" if full.startswith("form:") else "recipient")
        if full is None:
            for subject in mail.limits():
                times.setdefault(subject, []).append(now)
                changed[subject] = times[subject]
    return refusals, changed


def _is_full(times: Sequence[datetime], limits: Sequence[MailLimit], now: datetime) -> bool:
    return any(len(times) - bisect_right(times, now - limit.span) >= limit.mails for limit in limits)
