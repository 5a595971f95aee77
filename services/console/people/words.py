"""A person's data in words: what is held, what stays after an erasure, and why people are erased."""

from collections.abc import Mapping

from services.console.web.translations import mark_message as _


def _n(singular: str, plural: str) -> tuple[str, str]:
    """Mark the two forms of a message with a number for translation."""
    return singular, plural


GROUP_WORDS: Mapping[str, str] = {
    "leads": _("Leads"),
    "identities": _("Identities"),
    "submissions": _("Submissions"),
    "files": _("Files"),
    "timeline": _("Timeline, notes, tasks"),
    "runs": _("Runs of automations"),
    "deliveries": _("Deliveries and attempts"),
    "likeness": _("Likeness, merges, pairs"),
    "imports": _("Rows of imports"),
    "suppressions": _("Unsubscribed addresses"),
    "audit_log": _("Audit log"),
}
GROUP_NOTES: Mapping[str, str] = {
    "leads": _("with those that were merged in"),
    "identities": _("emails, phones, ids at providers"),
    "submissions": _("with all versions and raw bytes"),
    "deliveries": _("and conversions"),
    "audit_log": _("entries that name them"),
}
STAYING_WORDS: Mapping[str, str] = {
    "leads": _("the numbers lead to “erased”"),
    "identities": _("a keyed hash of each, so that a restored backup cannot bring them back"),
    "submissions": _("their ids and times without content, so that a repeat is known and the ledger stays exact"),
    "timeline": _("one entry that says that the lead is gone"),
    "runs": _("a waiting step is ended"),
    "imports": _("the rows’ numbers"),
    "suppressions": _("who comes again gets mail again"),
    "audit_log": _("entries stay, the name and addresses in them do not"),
}
GROUP_ICONS: Mapping[str, str] = {
    "leads": "lead",
    "identities": "mail",
    "submissions": "inbox",
    "files": "download",
    "timeline": "clock",
    "runs": "bolt",
    "deliveries": "send",
    "likeness": "merge",
    "imports": "import",
    "suppressions": "stop",
    "audit_log": "book",
}
REASON_WORDS: Mapping[str, str] = {
    "asked": _("The person asked for it (Art. 17 GDPR)"),
    "withdrawn": _("The person withdrew their consent"),
    "not_needed": _("It is not needed any more"),
    "unlawful": _("It should not have been stored"),
}
# As the reasons are kept: in one language, whoever reads it later.
STORED_REASONS: Mapping[str, str] = {
    "asked": "The person asked for it (Art. 17 GDPR)",
    "withdrawn": "The person withdrew their consent",
    "not_needed": "It is not needed any more",
    "unlawful": "It should not have been stored",
}
SENT_WORDS: Mapping[str, tuple[str, str]] = {
    "webhook": _n("%(n)s webhook", "%(n)s webhooks"),
    "email": _n("%(n)s e-mail", "%(n)s e-mails"),
    "notice": _n("%(n)s notice to the team", "%(n)s notices to the team"),
    "sms": _n("%(n)s text message", "%(n)s text messages"),
    "slack": _n("%(n)s message in Slack", "%(n)s messages in Slack"),
    "conversion": _n("%(n)s conversion", "%(n)s conversions"),
}
