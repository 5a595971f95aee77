"""What a search term fits: names, emails and phones, as `lead_search` holds them. Pure.

A lead's text is three lines in lower case: its names, its email, and its phone's digits (with the phone as it is
written where that is no number in E.164).
"""

import re

from shared.leads.contact import Invalid, normalise_phone

_PHONE = re.compile(r"[\d\s+().\-/]+").fullmatch
_TRUNK = re.compile(r"\(0\)")
_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "\n": " "})
FEWEST_DIGITS = 3


def patterns(term: str, country: str | None) -> list[str]:
    """The LIKE patterns of which one must fit; case is left to the database, which raised and lowered the text."""
    found = [f"%{term.translate(_ESCAPED)}%"]
    if sum(char.isdecimal() for char in term) >= FEWEST_DIGITS:
        found += [f"%\n%\n%{phone}%" for phone in sorted(_part(term) | _whole(term, country))]
    return found


def _part(term: str) -> set[str]:
    """The digits of a part of a number: without what is dialled before it at home."""
    if not _PHONE(term):
        return set()
    digits = "".join(str(int(char)) for char in _TRUNK.sub("", term) if char.isdecimal())
    bare = digits.lstrip("0")
    return {bare if len(bare) >= FEWEST_DIGITS else digits}


def _whole(term: str, country: str | None) -> set[str]:
    """The number that it is as intake reads it, if it is one: its digits, or all of it where it has an extension."""
    try:
        phone = normalise_phone(term, country)
    except Invalid:
        return set()
    return {phone.identity if phone.extension else phone.e164[1:]}
