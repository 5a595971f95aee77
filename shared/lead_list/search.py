"""Makes patterns of a search term for names, companies, emails and phones, as `lead_search` stores them. Pure.

The text of a lead has three lines in lower case: its names and, behind a tab, its company; its email; and the digits of
its phone. A phone that is no E.164 number is stored as it is written as well.
"""

import re

from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import normalise_phone

_match_phone = re.compile(r"[\d\s+().\-/]+").fullmatch
_TRUNK_PREFIX = re.compile(r"\(0\)")
_LIKE_ESCAPES = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "\n": " ", "\t": " "})
MIN_PHONE_DIGITS = 3


def like_patterns(term: str, country: str | None) -> list[str]:
    """Return LIKE patterns, of which one must match. The database folds the case, as it did for the text."""
    patterns = [f"%{term.translate(_LIKE_ESCAPES)}%"]
    if sum(char.isdecimal() for char in term) >= MIN_PHONE_DIGITS:
        phones = sorted(_partial_number(term) | _full_number(term, country))
        patterns += [f"%\n%\n%{phone}%" for phone in phones if term not in phone]  # else the first one finds it
    return patterns


def _partial_number(term: str) -> set[str]:
    """Return the digits of a partial number, without a trunk prefix."""
    if not _match_phone(term):
        return set()
    digits = "".join(str(int(char)) for char in _TRUNK_PREFIX.sub("", term) if char.isdecimal())
    bare = digits.lstrip("0")
    return {bare if len(bare) >= MIN_PHONE_DIGITS else digits}


def _full_number(term: str, country: str | None) -> set[str]:
    """Return the number as intake reads it, if the term is one: its digits, or all of it with an extension."""
    try:
        phone = normalise_phone(term, country)
    except InvalidContact:
        return set()
    return {phone.identity if phone.extension else phone.e164[1:]}
