"""What workers say of failures, in the reader's language: of submissions, deliveries, runs, jobs and imports. Pure.

Workers store sentences of their own in English, with a value here and there. What a receiver, a provider or Python
said is shown as it came.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from services.console.web.translations import mark_message as _

DELIVERY_SENTENCES: Final = (
    _("The receiver answered %(n)s."),
    _("No answer came within %(n)s s."),
    _("The connection could not be made."),
    _("The connection was closed before an answer came."),
    _("The host name could not be resolved."),
    _("The address is not one that requests may go to."),
    _("The address is not valid."),
    _("The address cannot be read."),
    _("The certificate of the server could not be verified."),
    _("The encrypted connection could not be made."),
    _("The answer was no HTTP, or had too many or too long headers."),
    _("The answer is longer than %(n)s KB."),
    _("The receiver sent more than %(n)s KB without an answer. It must send a final status."),
    _("The sender ended before an answer came."),
    _("The attempt failed on our side."),
    _("The mail server did not take the mail."),
    _("The mail server offers no TLS, so the mail was not sent: its setting asks for TLS."),
    _("The integration is not active."),
    _("The integration is of another type."),
    _("The integration is switched off."),
    _("The integration was deleted."),
    _("The subscription is disabled."),
    _("The subscription was disabled."),
    _("The subscription was deleted."),
    _("The lead was deleted."),
    _("The lead has no email."),
    _("The lead has no phone."),
    _("The lead's address gets no mail."),
    _("The lead has another address than when the mail was written."),
    _("The user is not there any more, or not active."),
    _("It was cancelled by hand."),
)
RUN_SENTENCES: Final = (
    _("the lead is gone"),
    _("the lead has no email"),
    _("the lead has no phone"),
    _("the lead has %(n)s tags"),
    _("the lead would hold over %(n)s KB of custom fields"),
    _("there is no stage %(n)s"),
    _("there is no active integration %(n)s"),
    _("no such user is there and active"),
    _("the template cannot be filled in: %(name)s"),
    _("the template takes too long with this lead's values"),
    _("the template has over %(n)s parts"),
    _("the template is nested over %(n)s levels deep, as by filters one after the other"),
    _("the template has over %(n)s comparisons"),
    _("%(name)s, %(n)s times"),
    _("it was set off by its own change of the lead"),
    _("more than %(n)s automations set one another off"),
    _("automations set one another off over %(n)s times in a minute for one lead: no more are begun"),
    _("not sent: this address has had enough mails for now"),
    _("not sent: this number has had enough text messages for now"),
    _("not sent: this address got %(n)s mails in the last hour"),
    _("not sent: this address got %(n)s mails in the last day"),
    _("not sent: this number got %(n)s text messages in the last hour"),
    _("not sent: this number got %(n)s text messages in the last day"),
)
JOB_SENTENCES: Final = (
    _("The lead is not there any more."),
    _("It was so already."),
    _("It was changed again since."),
    _("It was not in the stage any more."),
    _("It is known already."),
    _("%(name)s: a chunk of the job fails and is tried again."),
    _("%(name)s: a part of the file fails and is tried again."),
    _("The lead could not be stored (%(name)s). It is kept as submission %(id)s and can be replayed."),
    _("The submission %(id)s is dead."),
    _("The submission %(id)s is quarantined."),
)
SUBMISSION_SENTENCES: Final = (
    _("%(n)s workers died with it in hand"),
    _("The body is no JSON."),
    _("The body is no JSON object."),
    _("The body is neither JSON nor a form."),
    _("The body is neither an object with members nor an array of such objects."),
    _("The body is nested over %(n)s levels."),
    _("The body is an empty object."),
    _("The body is no form."),
    _("The body is no multipart form."),
    _("The body is no entry of a form."),
    _("The body is no array of events."),
    _("The body is no event of %(name)s."),
    _("The body is no update of %(name)s."),
    _("The body is no notification of %(name)s."),
    _("The body has no event of %(name)s."),
    _("The body has no event with a payload."),
    _("The body has no data of a form."),
    _("The body has no data."),
    _("The body has no fields."),
    _("The body has no entry."),
    _("The body has no list of entries."),
    _("The body holds no lead."),
    _("The body names no object."),
    _("The body has no %(name)s."),
    _("The body has neither a %(name)s nor a %(other)s."),
    _("The body has neither a %(name)s nor %(other)s."),
    _("The form is nested too deeply."),
    _("The form has more than %(n)s fields."),
    _("The form is no mail."),
    _("The notification has no topic."),
    _("The rawRequest is no JSON object."),
    _("The data.json is no JSON object."),
    _("The request has no X-Shopify-Topic, and the body is no customer."),
    _("The mail is no readable MIME message."),
)
FETCH_SENTENCES: Final = (
    _("The integration was deleted before the lead was fetched."),
    _("What the provider answered could not be read as a lead."),
    _("The integration has no access token. Enter a new access token in the settings of the integration."),
    _("%(name)s does not accept the access token. Enter a new access token in the settings of the integration."),
    _(
        "%(name)s does not let this access token read leads. Enter a new access token in the settings of the "
        "integration."
    ),
    _("%(name)s has no such lead, or does not let this access token see it."),
    _("%(name)s does not answer to the version of its API that is set here any more."),
    _("%(name)s takes no more requests for a while."),
    _("%(name)s answered %(n)s with something that is no lead."),
    _("%(name)s answered %(n)s."),
)
OWN_SENTENCES: Final = (
    *DELIVERY_SENTENCES,
    *RUN_SENTENCES,
    *JOB_SENTENCES,
    *SUBMISSION_SENTENCES,
    *FETCH_SENTENCES,
)
OWN_TYPES: Final = ("UnreadableBody", "LeadNotFetched", "WorkerLost")  # whose messages are our own sentences
VALUE_PATTERNS: Final = {
    "n": r"\d+(?:[.,]\d+)*|#",  # a cause stands for all numbers: its title has a mark in their place
    "id": r"[0-9a-f-]{36}|#",
    "name": r"[A-Za-z][\w ]{0,39}",
    "other": r"[A-Za-z]\w{0,39}",
}


def _pattern_of(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", sentence)
    texts, names = map(re.escape, parts[::2]), [f"(?P<{name}>{VALUE_PATTERNS[name]})" for name in parts[1::2]]
    return re.compile("".join(part for pair in zip(texts, [*names, ""], strict=True) for part in pair))


_PLAIN_SENTENCES = frozenset(sentence for sentence in OWN_SENTENCES if "%(" not in sentence)
_PATTERNS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (sentence, _pattern_of(sentence)) for sentence in OWN_SENTENCES if "%(" in sentence
)


def own_error(text: str, translate: Callable[[str], str]) -> str:
    """Return a sentence of the workers in the reader's language, empty for a text that is none.

    `translate` is that of a catalogue. The type of an error that stands before a sentence is left out.
    """
    type_, _colon, message = text.partition(": ")
    if type_ in OWN_TYPES:
        text = message
    if text in _PLAIN_SENTENCES:
        return translate(text)
    found = next(((sentence, match) for sentence, one in _PATTERNS if (match := one.fullmatch(text))), None)
    return translate(found[0]) % found[1].groupdict() if found else ""


def worker_error(text: str, translate: Callable[[str], str]) -> str:
    """Return why something failed. `translate` is that of a catalogue; a text that is not ours stays as it is."""
    return own_error(text, translate) or text
