"""Split the text of a phone into the digits of the number and the extension, in the way of `phonenumbers`. Pure.

The patterns of the library backtrack: 250 characters take a tenth of a second, or years behind `;phone-context=`.
Therefore the library gets only digits. The patterns here mean the same, but never match a character in two ways.
"""

import re
from typing import NamedTuple

from phonenumbers import convert_alpha_characters_in_number

_PHONE_CONTEXT = ";phone-context="  # RFC 3966: a prefix of the number, or the domain that knows it
_ISUB_PARAMETER = ";isub="
_TEL_SCHEME = "tel:"
_MIN_KEYPAD_LETTERS = 3  # this many letters are read as keypad letters
_MAX_DIALLED_DIGITS = 40  # a number of 17, a country code, and prefixes that are dialled before both
_MAX_EXTENSION_DIGITS = 20

_NUMERIC_CONTEXT = re.compile(r"\+[.()-]*+\d[\d.()-]*+").fullmatch
_DOMAIN_LABEL = re.compile(r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+").fullmatch

_REGEX_FLAGS = re.IGNORECASE
_PUNCTUATION_CHARS = r"-x‐-―−ー－-／ \u00A0\u00AD\u200B\u2060\u3000()（）［］.\[\]/~⁓∼～*"
_NUMBER_START = re.compile(r"[+＋\d]").search
_NUMBER_END_CHAR = re.compile(r"[^\W_]|#").match
_SECOND_NUMBER = re.compile(r"[\\/] *+x").search
_VIABLE_BODY = re.compile(
    rf"\d\d|[+＋]*+(?:[{_PUNCTUATION_CHARS}]*+\d){{3}}[{_PUNCTUATION_CHARS}A-Z\d]*+", _REGEX_FLAGS
).fullmatch

# Each alternative starts where its separators start, so that a run of separators is read once.
_BLANK_CLASS = r"[ \u00A0\t]"
_SEPARATOR_CLASS = r"[ \u00A0\t,]"
_AFTER_NAME_PATTERN = r"[:.．]?+[ \u00A0\t,-]*+"
_NAMED_EXTENSION = re.compile(
    r"(?:;ext=(\d{1,20}+)"
    rf"|(?<!{_SEPARATOR_CLASS}){_SEPARATOR_CLASS}*+(?:e?xt(?:ensi(?:o\u0301?|ó))?n?|ｅ?ｘｔｎ?|доб|anexo){_AFTER_NAME_PATTERN}(\d{{1,20}}+)#?+"
    rf"|(?<!{_SEPARATOR_CLASS}){_SEPARATOR_CLASS}*+(?:[xｘ#＃~～]|int|ｉｎｔ){_AFTER_NAME_PATTERN}(\d{{1,9}}+)#?+"
    r"|(?<![- ])[- ]++(\d{1,6}+)#"
    rf"|(?<!{_BLANK_CLASS}){_BLANK_CLASS}*+(?:,,|;){_AFTER_NAME_PATTERN}(\d{{1,15}}+)#?+"
    rf"|(?<!{_BLANK_CLASS}){_BLANK_CLASS}*+(?<!,),++{_AFTER_NAME_PATTERN}(\d{{1,9}}+)#?+)$",
    _REGEX_FLAGS,
).search


class DialledNumber(NamedTuple):
    """A number as dialled (digits, perhaps with `+` before them) and its extension, or an empty text."""

    number: str
    extension: str


def read_dialled(text: str) -> DialledNumber | None:
    """Return the number in a text whose digits are ASCII, or None if there is none."""
    number = _number_part(text)
    if number is None or not _is_viable(number):
        return None
    found, extension = _find_extension(number), ""
    if found and _is_viable(number[: found.start()]):
        number, extension = number[: found.start()], found[found.lastindex or 0]
    dialled = _dialled_digits(number)
    return DialledNumber(dialled, extension) if len(dialled) <= _MAX_DIALLED_DIGITS else None


def last_digit_gap(text: str) -> tuple[int, int]:
    """Return the end of the last run of digits but one, and the start of the last, in a text that ends with digits."""
    begins = len(text)
    while begins and text[begins - 1].isdecimal():
        begins -= 1
    ends = begins
    while ends and not text[ends - 1].isdecimal():
        ends -= 1
    return ends, begins


def _number_part(text: str) -> str | None:
    before, mark, behind = text.partition(_PHONE_CONTEXT)
    if mark:
        context, scheme = behind.partition(";")[0], text.find(_TEL_SCHEME)
        if not _is_phone_context(context):
            return None
        number = before if scheme < 0 else before[scheme + len(_TEL_SCHEME) :]
        number = f"{context}{number}" if context.startswith("+") else number
    else:
        number = _cut_out_number(text)
    at = number.find(_ISUB_PARAMETER)
    return number[:at] if at > 0 else number


def _is_phone_context(context: str) -> bool:
    """Return whether a context is the prefix of a number or a domain."""
    if context.startswith("+"):
        return _NUMERIC_CONTEXT(context) is not None
    labels = context.removesuffix(".").split(".")
    return all(map(_DOMAIN_LABEL, labels)) and not labels[-1][0].isdigit()


def _cut_out_number(text: str) -> str:
    """Return the text from the first digit or plus on, without a second number or characters that end no number."""
    start = _NUMBER_START(text)
    if start is None:
        return ""
    number = text[start.start() :]
    end = len(number)
    while end and not _NUMBER_END_CHAR(number[end - 1]):
        end -= 1
    number = number[:end]
    second = _SECOND_NUMBER(number)
    return number[: second.start()] if second else number


def _is_viable(number: str) -> bool:
    if _VIABLE_BODY(number):
        return True
    found = _find_extension(number)
    return found is not None and found.start() > 2 and _VIABLE_BODY(number[: found.start()]) is not None


def _find_extension(number: str) -> re.Match[str] | None:
    """Return the match of the extension. It holds only the last digits, so the search starts behind those before."""
    end = len(number) - number.endswith("#")
    ends, begins = last_digit_gap(number[:end])
    return _NAMED_EXTENSION(number, ends) if 0 < end - begins <= _MAX_EXTENSION_DIGITS else None


def _dialled_digits(number: str) -> str:
    if sum(char.isascii() and char.isalpha() for char in number) >= _MIN_KEYPAD_LETTERS:
        number = convert_alpha_characters_in_number(number)
    plus = "+" if number.startswith(("+", "＋")) else ""
    return plus + "".join(filter(str.isdecimal, number))
