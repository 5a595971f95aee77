"""The reasons for which a submission is held, and warnings about the mails of forms, in the reader's language.

They are stored as sentences of the gateway's, some with a number. A sentence that is not known here is shown as it is.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _
from shared.spam.stored_sentences import split_sentence

_replace_addresses = re.compile(r"[^\s“”]+@[^\s“”]+").sub
UNCONFIRMED_CODE = "unconfirmed"  # of the reason for which a submission waits for its sender

# The sentences of `services/gateway/public_forms/spam_scoring.py` and of workers, with their numbers as `%(n)s`.
SPAM_SENTENCES = frozenset(
    (
        _("A field that no visitor sees was filled in."),
        _("Its token was not made for this form."),
        _("It came without a fresh token of the form's page."),
        _("Its token was used for %(n)s more."),
        _("It was sent %(n)s s after the form was first touched."),
        _("The proof of work that the form asked for is missing."),
        _("The proof of work is wrong."),
        _("The proof of work is reused."),
        _("Its address sent %(n)s more within ten minutes."),
        _("The form gets far more submissions than people send."),
        _("Its texts have a link."),
        _("Its texts have %(n)s links."),
        _("Its texts have links in the code of web pages or forums."),
        _("A name has a link in it."),
        _("Words mix letters of alphabets that look alike."),
        _("The same text came %(n)s more times, from others or to other forms."),
        _("The email address is of a provider of throw-away addresses."),
        _("Its sender has not followed the link in the mail that asks for confirmation."),
        _("The mail that asks for confirmation was not sent: its address has had enough mails for now."),
        _("The mail that asks for confirmation was not sent: the form has sent too many of them within an hour."),
        _("The form’s reply was not sent: its address has had enough mails for now."),
    )
)
# What the reasons are called where one is chosen, by their codes.
REASON_TITLES = {
    "honeypot": _("a hidden field was filled in"),
    "token_forged": _("a forged token"),
    "token_missing": _("no fresh token of the page"),
    "token_reused": _("a token that was used before"),
    "time_trap": _("sent too fast"),
    "proof_missing": _("no proof of work"),
    "proof_wrong": _("a wrong proof of work"),
    "proof_reused": _("a reused proof of work"),
    "address_rate": _("many from one address"),
    "form_rate": _("more than people send"),
    "links": _("links"),
    "markup": _("links in code"),
    "link_in_name": _("a link in a name"),
    "mixed_alphabets": _("mixed alphabets"),
    "same_text": _("the same text again"),
    "disposable_domain": _("a throw-away address"),
    "held_email": _("a rule on the email address"),
    "held_domain": _("a rule on the domain"),
    "held_address": _("a rule on the network address"),
    "held_word": _("a rule on a word"),
    "confirmation_unsent": _("the mail that asks for confirmation was not sent"),
}
# Sentences about rules, with their values.
RULE_SENTENCES = {
    "email": (
        _("A rule holds the email address “%(value)s”."),
        _("A rule always allows the email address “%(value)s”."),
    ),
    "domain": (_("A rule holds the domain “%(value)s”."), _("A rule always allows the domain “%(value)s”.")),
    "address": (
        _("A rule holds the network address “%(value)s”."),
        _("A rule always allows the network address “%(value)s”."),
    ),
    "word": (_("A rule holds the word “%(value)s”."), _("A rule always allows the word “%(value)s”.")),
}
_SENTENCES_BY_RULE = {
    f"A rule {verb} the {kind} “%(value)s”.": sentence
    for kind, sentences in RULE_SENTENCES.items()
    for verb, sentence in zip(("holds", "always allows"), sentences, strict=True)
}


def stored_sentence(text: str, translate: Callable[[str], str], *, hides_values: bool = False) -> str:
    """Return a stored sentence in the reader's language. `translate` is that of a catalogue.

    `hides_values` is for readers who may not see persons: a rule's value may be somebody's address.
    """
    template, values = split_sentence(text)
    if hides_values and "value" in values:
        values = {"value": VALUE_MASK}
    if hides_values:
        text = _replace_addresses(VALUE_MASK, text)
    sentence = _SENTENCES_BY_RULE.get(template, template)
    if sentence is template and template not in SPAM_SENTENCES:
        return text
    return translate(sentence) % values if values else translate(sentence)


def waits_for_sender(spam: Any, rejected_at: datetime | None) -> bool:
    """Return whether a held submission waits for its sender to confirm the address."""
    reasons = spam.get("reasons") if isinstance(spam, Mapping) and not rejected_at else None
    return any(isinstance(one, Mapping) and one.get("code") == UNCONFIRMED_CODE for one in reasons or ())
