"""Normalise email addresses, so that two spellings of one address compare equal: leads are deduplicated by them. Pure.

The library decides. A fast path answers for ordinary addresses before it, because this code runs for every lead.
"""

import re
import unicodedata

import email_validator

from shared.leads.contact_text import INVISIBLE_CHARS, InvalidContact

# No address is refused for its domain: addresses under .test, .local or .invalid are leads as well.
# The library documents this way of allowing them; it has no argument for it.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_TRIMMED_CHARS = " \t\r\n\f\v\xa0" + "".join(map(chr, INVISIBLE_CHARS))

# An address of at most 64 characters keeps every limit (64, 254 and 63 for the parts), so no length is checked.
# Two hyphens in a row, and so Punycode, are left to the library. The pattern is possessive and lists both cases: no
# character can match in two ways, which takes a third of the time.
_MAX_ORDINARY_EMAIL_LENGTH = 64
_MAX_EMAIL_LENGTH = 254
_ORDINARY_EMAIL = re.compile(
    r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+@(?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)+[A-Za-z]++"
).fullmatch

_GMAIL_DOMAINS = {"gmail.com", "googlemail.com"}


def normalise_email(text: str, *, fold_gmail: bool = False) -> str:
    """Return the address trimmed, in NFC and lower case, its domain in ASCII (`xn--…`). Raises `InvalidContact`.

    `fold_gmail` drops dots and `+tag` from Gmail addresses, since Google ignores them. Other addresses keep them.
    """
    text = text.strip()
    if len(text) <= _MAX_ORDINARY_EMAIL_LENGTH and _ORDINARY_EMAIL(text):
        address = text.lower()
    else:
        address = _validate_email(text)
    return _fold_gmail(address) if fold_gmail else address


def _validate_email(text: str) -> str:
    text = text.strip(_TRIMMED_CHARS)
    if len(text) > _MAX_EMAIL_LENGTH:  # the library checks this too, but reads the whole text first
        raise InvalidContact("The address is too long.")
    try:
        parts = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise InvalidContact(str(error)) from error
    # Lower case can leave NFC (a capital letter with no composed small letter), so normalise again.
    local = unicodedata.normalize("NFC", parts.local_part.lower())
    return f"{local}@{parts.ascii_domain}"


def _fold_gmail(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if domain not in _GMAIL_DOMAINS:
        return address
    folded = local.partition("+")[0].replace(".", "")
    return f"{folded or local}@gmail.com"
