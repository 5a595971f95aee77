"""How many mails may go to an address that somebody left, and how many one form may set off in all. Pure.

Whoever fills in a form chooses the address, from any number of network addresses and in any number of forms. What
counts is therefore the address that would get the mail.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, cast

VisitorMailKind = Literal["confirmation", "reply", "automation"]
LimitScope = Literal["workspace", "recipient", "replies", "form"]  # what a limit counts: the start of its subject


class MailLimit(NamedTuple):
    """At most so many mails in any span of that length."""

    mails: int
    span: timedelta

    @property
    def span_name(self) -> str:
        """The span in a word."""
        return "hour" if self.span <= HOUR else "day"


HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
RECIPIENT_LIMITS: Final = (MailLimit(5, HOUR), MailLimit(10, DAY))  # of a workspace
INSTALLATION_LIMITS: Final = (MailLimit(10, HOUR), MailLimit(20, DAY))  # of all workspaces together
REPLY_LIMITS: Final = (MailLimit(1, timedelta(minutes=10)),)  # of a form to one recipient
FORM_LIMITS: Final = (MailLimit(1000, HOUR),)  # confirmations of a form to all recipients
LONGEST_SPAN: Final = DAY


class MailRefusal(NamedTuple):
    """The limit that lets a mail not go: so many mails have gone in the last span."""

    scope: LimitScope
    limit: MailLimit


@dataclass(frozen=True, slots=True)
class VisitorMail:
    """A mail, or a text message, that a visitor may have set off. `recipient` is the digest of its address or number.

    The mail of an automation has no form: what started the automation does not matter.
    """

    kind: VisitorMailKind
    workspace_id: int
    form_id: int | None
    recipient: str

    def limits(self) -> dict[str, tuple[MailLimit, ...]]:
        """Return the limits that the mail counts for, by what is counted."""
        own: dict[str, tuple[MailLimit, ...]] = {}
        if self.kind == "reply":
            own = {f"replies:{self.form_id}:{self.recipient}": REPLY_LIMITS}
        elif self.kind == "confirmation":
            own = {f"form:{self.form_id}": FORM_LIMITS}
        return {
            f"workspace:{self.workspace_id}:{self.recipient}": RECIPIENT_LIMITS,
            f"recipient:{self.recipient}": INSTALLATION_LIMITS,
            **own,
        }


def decide_mails(
    mails: Sequence[VisitorMail], earlier_mails: Mapping[str, Sequence[datetime]], now: datetime
) -> tuple[list[MailRefusal | None], dict[str, list[datetime]]]:
    """Decide on mails in their order. `earlier_mails` says when the earlier ones went, by what is counted.

    Return for each why it may not go, or None, and the times to keep of what has changed.
    """
    times = {
        subject: sorted(at for at in earlier if at > now - LONGEST_SPAN) for subject, earlier in earlier_mails.items()
    }
    refusals: list[MailRefusal | None] = []
    changed: dict[str, list[datetime]] = {}
    for mail in mails:
        refusals.append(refusal := _find_refusal(mail, times, now))
        if refusal is None:
            for subject in mail.limits():
                times.setdefault(subject, []).append(now)
                changed[subject] = times[subject]
    return refusals, changed


def _find_refusal(mail: VisitorMail, times: Mapping[str, Sequence[datetime]], now: datetime) -> MailRefusal | None:
    for subject, limits in mail.limits().items():
        for limit in reversed(limits):  # of two that are reached, the one that lasts longer
            sent = times.get(subject, ())
            if len(sent) - bisect_right(sent, now - limit.span) >= limit.mails:
                return MailRefusal(cast(LimitScope, subject.partition(":")[0]), limit)
    return None
