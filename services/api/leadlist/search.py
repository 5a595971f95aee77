"""What a search term fits: names, emails and phones, as `lead_search` holds them. Pure.

A lead's text is three lines in lower case: its names, its email, and its phone's digits (with the phone as it is
written where that is no number in E.164).
"""

import re

import phonenumbers

_PHONE = re.compile(r"[\d\s+().\-/]+").fullmatch
_TRUNK = re.compile(r"\(0\)")
_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "\n": " "})
FEWEST_DIGITS = 3


def patterns(term: str, country: str | None) -> list[str]:
    """The LIKE patterns of which one must fit; case is left to the database, which raised and lowered the text."""
    found = [f"%{term.translate(_ESCAPED)}%"]
    found += [f"%\n%\n%{digits}%" for digits in sorted(_digits(term, country))]
    return found


def _digits(term: str, country: str | None) -> set[str]:
    """The digits that the term may stand for in a phone number: without what is dialled before it at home."""
    if not _PHONE(term):
        return set()
    digits = "".join(str(int(char)) for char in _TRUNK.sub("", term) if char.isdecimal())
    if len(digits) < FEWEST_DIGITS:
        return set()
    bare = digits.lstrip("0")
    return {bare if len(bare) >= FEWEST_DIGITS else digits} | _dialled(digits, country)


def _dialled(digits: str, country: str | None) -> set[str]:
    """The whole number that it is in the workspace's country, if it is one."""
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return set()
    if not phonenumbers.is_possible_number(number):
        return set()
    return {phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]}
