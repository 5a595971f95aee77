"""Split the text of a phone into the digits of the number and the extension, in the way of `phonenumbers`. Pure.

The patterns of the library backtrack: 250 characters take a tenth of a second, or years behind `;phone-context=`.
Therefore the library gets only digits. The patterns here mean the same, but never match a character in two ways.
"""

import re
from typing import NamedTuple

from phonenumbers import convert_alpha_characters_in_number

_CONTEXT = ";phone-context="  # RFC 3966: a prefix of the number, or the domain that knows it
_SUBADDRESS = ";isub="
_SCHEME = "tel:"
_KEYPAD = 3  # this many letters are read as keypad letters
_MOST_DIGITS = 40  # a number of 17, a country code, and prefixes that are dialled before both
_LONGEST_EXTENSION = 20

_NUMBERS_CONTEXT = re.compile(r"\+[.()-]*+\d[\d.()-]*+").fullmatch
_LABEL = re.compile(r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+").fullmatch

_FLAGS = re.IGNORECASE
_PUNCTUATION = r"-x‐-―−ー－-／ \u00A0\u00AD\u200B\u2060\u3000()（）［］.\[\]/~⁓∼～*"
_BEGINNING = re.compile(r"[+＋\d]").search
_MAY_END = re.compile(r"[^\W_]|#").match
_SECOND_NUMBER = re.compile(r"[\\/] *+x").search
_BODY = re.compile(rf"\d\d|[+＋]*+(?:[{_PUNCTUATION}]*+\d){{3}}[{_PUNCTUATION}A-Z\d]*+", _FLAGS).fullmatch

# Each alternative starts where its separators start, so that a run of separators is read once.
_BLANKS = r"[ \u00A0\t]"
_SEPARATORS = r"[ \u00A0\t,]"
_BEHIND_NAME = r"[:.．]?+[ \u00A0\t,-]*+"
_NAMED_EXTENSION = re.compile(
    r"(?:;ext=(\d{1,20}+)"
    rf"|(?<!{_SEPARATORS}){_SEPARATORS}*+(?:e?xt(?:ensi(?:o\u0301?|ó))?n?|ｅ?ｘｔｎ?|доб|anexo){_BEHIND_NAME}(\d{{1,20}}+)#?+"
    rf"|(?<!{_SEPARATORS}){_SEPARATORS}*+(?:[xｘ#＃~～]|int|ｉｎｔ){_BEHIND_NAME}(\d{{1,9}}+)#?+"
    r"|(?<![- ])[- ]++(\d{1,6}+)#"
    rf"|(?<!{_BLANKS}){_BLANKS}*+(?:,,|;){_BEHIND_NAME}(\d{{1,15}}+)#?+"
    rf"|(?<!{_BLANKS}){_BLANKS}*+(?<!,),++{_BEHIND_NAME}(\d{{1,9}}+)#?+)$",
    _FLAGS,
).search


class Spelt(NamedTuple):
    """A number as dialled (digits, perhaps with `+` before them) and its extension, or an empty text."""

    number: str
    extension: str


def read(text: str) -> Spelt | None:
    """Return the number in a text whose digits are ASCII, or None if there is none."""
    number = _number_in(text)
    if number is None or not _is_viable(number):
        return None
    found, extension = _extension(number), ""
    if found and _is_viable(number[: found.start()]):
        number, extension = number[: found.start()], found[found.lastindex or 0]
    dialled = _dialled(number)
    return Spelt(dialled, extension) if len(dialled) <= _MOST_DIGITS else None


def gap(text: str) -> tuple[int, int]:
    """Return the end of the last run of digits but one, and the start of the last, in a text that ends with digits."""
    begins = len(text)
    while begins and text[begins - 1].isdecimal():
        begins -= 1
    ends = begins
    while ends and not text[ends - 1].isdecimal():
        ends -= 1
    return ends, begins


def _number_in(text: str) -> str | None:
    before, mark, behind = text.partition(_CONTEXT)
    if mark:
        context, scheme = behind.partition(";")[0], text.find(_SCHEME)
        if not _is_context(context):
            return None
        number = before if scheme < 0 else before[scheme + len(_SCHEME) :]
        number = f"{context}{number}" if context.startswith("+") else number
    else:
        number = _extract(text)
    at = number.find(_SUBADDRESS)
    return number[:at] if at > 0 else number


def _is_context(context: str) -> bool:
    """Return whether a context is the prefix of a number or a domain."""
    if context.startswith("+"):
        return _NUMBERS_CONTEXT(context) is not None
    labels = context.removesuffix(".").split(".")
    return all(map(_LABEL, labels)) and not labels[-1][0].isdigit()


def _extract(text: str) -> str:
    """Return the text from the first digit or plus on, without a second number or characters that end no number."""
    found = _BEGINNING(text)
    if found is None:
        return ""
    number = text[found.start() :]
    end = len(number)
    while end and not _MAY_END(number[end - 1]):
        end -= 1
    number = number[:end]
    second = _SECOND_NUMBER(number)
    return number[: second.start()] if second else number


def _is_viable(number: str) -> bool:
    if _BODY(number):
        return True
    found = _extension(number)
    return found is not None and found.start() > 2 and _BODY(number[: found.start()]) is not None


def _extension(number: str) -> re.Match[str] | None:
    """Return the match of the extension. It holds only the last digits, so the search starts behind those before."""
    end = len(number) - number.endswith("#")
    ends, begins = gap(number[:end])
    return _NAMED_EXTENSION(number, ends) if 0 < end - begins <= _LONGEST_EXTENSION else None


def _dialled(number: str) -> str:
    if sum(char.isascii() and char.isalpha() for char in number) >= _KEYPAD:
        number = convert_alpha_characters_in_number(number)
    plus = "+" if number.startswith(("+", "＋")) else ""
    return plus + "".join(filter(str.isdecimal, number))
