"""Why a delivery failed, in the reader's language. Pure.

Workers store sentences of their own in English, some with a number. What a receiver said is shown as it came.
"""

import re
from collections.abc import Callable
from typing import Final

from services.console.web.translations import mark_message as _

DELIVERY_ERRORS: Final = frozenset(
    (
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
)
# A cause stands for all numbers: its title has a mark in their place.
_find_number = re.compile(r"\d+(?:\.\d+)?|(?<!\S)#(?=[\s.])").search


def own_error(text: str, translate: Callable[[str], str]) -> str:
    """Return a sentence of the workers in the reader's language, empty for a text that is none.

    `translate` is that of a catalogue.
    """
    if text in DELIVERY_ERRORS:
        return translate(text)
    number = _find_number(text)
    template = f"{text[: number.start()]}%(n)s{text[number.end() :]}" if number else ""
    return translate(template) % {"n": number[0]} if number and template in DELIVERY_ERRORS else ""


def delivery_error(text: str, translate: Callable[[str], str]) -> str:
    """Return why a delivery failed. `translate` is that of a catalogue; a text that is not ours stays as it is."""
    return own_error(text, translate) or text
