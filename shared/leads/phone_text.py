"""A phone's text in two parts, the number's digits and the extension, as `phonenumbers` parts it.

The patterns of the library backtrack: 250 characters cost it a tenth of a second, or years behind `;phone-context=`.
So the library gets digits alone, and the patterns here, which mean the same, never try a character in two ways.
"""

import re
from typing import NamedTuple

from phonenumbers import convert_alpha_characters_in_number

_CONTEXT = ";phone-context="  # RFC 3966: what stands before the number, or who knows it
_SUBADDRESS = ";isub="
_SCHEME = "tel:"
_KEYPAD = 3  # letters from which all of them are taken for a keypad's
_MOST_DIGITS = 40  # of a number of 17, a country's code, and what is dialled before both
_LONGEST_EXTENSION = 20

_NUMBERS_CONTEXT = re.compile(r"\+[.()-]*+\d[\d.()-]*+").fullmatch
_LABEL = re.compile(r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+").fullmatch

_FLAGS = re.IGNORECASE
_PUNCTUATION = r"-x‐-―−ー－-／ \u00A0\u00AD\u200B\u2060\u3000()（）［］.\[\]/~⁓∼～*"
_BEGINNING = re.compile(r"[+＋\d]").search
_MAY_END = re.compile(r"[^\W_]|#").match
_SECOND_NUMBER = re.compile(r"[\\/] *+x").search
_BODY = re.compile(rf"\d\d|[+＋]*+(?:[{_PUNCTUATION}]*+\d){{3}}[{_PUNCTUATION}A-Z\d]*+", _FLAGS).fullmatch

# Each begins where its separators begin, so that a run of these is gone through once.
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
    """A number as it is dialled, `+` and digits or digits alone, and its extension or an empty text."""

    number: str
    extension: str


def read(text: str) -> Spelt | None:
    """The number in a text whose digits are ASCII, unless there is none."""
    number = _number_in(text)
    if number is None or not _is_viable(number):
        return None
    found, extension = _extension(number), ""
    if found and _is_viable(number[: found.start()]):
        number, extension = number[: found.start()], found[found.lastindex or 0]
    dialled = _dialled(number)
    return Spelt(dialled, extension) if len(dialled) <= _MOST_DIGITS else None


def gap(text: str) -> tuple[int, int]:
    """Where the last but one run of digits ends in a text that ends with digits, and where the last begins."""
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
    """Whether it begins a number, or is a domain."""
    if context.startswith("+"):
        return _NUMBERS_CONTEXT(context) is not None
    labels = context.removesuffix(".").split(".")
    return all(map(_LABEL, labels)) and not labels[-1][0].isdigit()


def _extract(text: str) -> str:
    """From the first digit or plus on, without what no number ends with and without a second number."""
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
    """The extension, looked for where it can begin: it has no digits but the last."""
    end = len(number) - number.endswith("#")
    ends, begins = gap(number[:end])
    return _NAMED_EXTENSION(number, ends) if 0 < end - begins <= _LONGEST_EXTENSION else None


def _dialled(number: str) -> str:
    if sum(char.isascii() and char.isalpha() for char in number) >= _KEYPAD:
        number = convert_alpha_characters_in_number(number)
    plus = "+" if number.startswith(("+", "＋")) else ""
    return plus + "".join(filter(str.isdecimal, number))
