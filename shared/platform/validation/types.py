"""Annotated types of fields, shared by request bodies and query parameters."""

import math
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, Strict, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError

INT64_LIMIT = 2**63

# Categories of characters that show nothing: separators, control and format characters, and what has no meaning.
_INVISIBLE_CATEGORIES = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"))

_JOINERS = "\u200c\u200d"  # zero-width non-joiner and joiner

UINT64_LIMIT = 2**64

MAX_RECORD_ID = 2**53 - 1  # the largest integer that JavaScript keeps exactly; no id comes near it


def is_storable_number(number: float) -> bool:
    """Return whether a number can be stored and shown as JSON: an integer of 64 bits, or another that is finite."""
    return -INT64_LIMIT <= number < UINT64_LIMIT if isinstance(number, int) else math.isfinite(number)


def text_constraints(max_length: int, *, min_length: int = 0) -> Any:
    """Return the constraints of a text of limited length. Surrounding whitespace is removed."""
    return StringConstraints(strict=True, strip_whitespace=True, min_length=min_length or None, max_length=max_length)


def _expect_visible(text: str) -> str:
    """Refuse a name in which nothing is seen, as an empty one: nobody could tell or press what has it."""
    if all(unicodedata.category(character) in _INVISIBLE_CATEGORIES for character in text):
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return text


def is_single_line(text: str) -> bool:
    """Return whether a text has no line break, no control character and no mark that turns its direction.

    It may have the joiners between letters that names in Persian and Hindi are written with, and emoji.
    """
    return all(character.isprintable() or character in _JOINERS for character in text)


VISIBLE_NAME = AfterValidator(_expect_visible)

Text64 = Annotated[str, text_constraints(64)]

Text100 = Annotated[str, text_constraints(100)]

Text255 = Annotated[str, text_constraints(255)]

RequiredName = Annotated[str, text_constraints(255, min_length=1), VISIBLE_NAME]

LongText = Annotated[str, text_constraints(10_000)]

ColorText = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, max_length=32, pattern=r"^[#\w(),.% -]*$")
]

RecordId = Annotated[int, Strict(), Field(ge=1, le=MAX_RECORD_ID)]

StrictInt32 = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1)]

StrictInt64 = Annotated[int, Strict(), Field(ge=0, le=INT64_LIMIT - 1)]

StrictFlag = Annotated[bool, Strict()]


def _parse_time(value: Any) -> datetime:
    """Parse a date (as 00:00 UTC) or a time. A time without an offset is in UTC."""
    if not isinstance(value, str):
        raise PydanticCustomError("datetime", "no time")
    try:
        found = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # also one whose year in UTC would be 0 or 10000
        raise PydanticCustomError("datetime", "no time") from None


UtcTime = Annotated[
    datetime,
    BeforeValidator(_parse_time, json_schema_input_type=date | datetime),
    PlainSerializer(datetime.isoformat, return_type=str),
]

_match_url = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.IGNORECASE).fullmatch


def is_url(text: str) -> bool:
    """Return whether the text is an http or https URL whose host and port can be parsed."""
    if not _match_url(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port beyond 65535, a letter that becomes a slash
        return False


def _require_url(value: Any) -> Any:
    if isinstance(value, str) and not (len(value) <= 2048 and is_url(value.strip())):
        raise PydanticCustomError("url", "no URL")
    return value


HttpUrl = Annotated[
    str, BeforeValidator(_require_url), text_constraints(2048), Field(json_schema_extra={"format": "uri"})
]


def parse_digits(value: Any) -> int:
    """Parse the text of a positive integer of 64 bits."""
    digits = value.lstrip("0") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit() and int(digits[:20]) < INT64_LIMIT):
        raise PydanticCustomError("digits", "no positive integer")
    return int(digits)


def _parse_flag(value: Any) -> bool:
    if value not in ("true", "false", "1", "0"):
        raise PydanticCustomError("flag", "neither true nor false")
    return value in ("true", "1")


# Types of query parameters, whose values are always text.
QueryId = Annotated[
    int,
    Field(ge=1, le=MAX_RECORD_ID),
    BeforeValidator(parse_digits, json_schema_input_type=Annotated[int, Field(ge=1, le=MAX_RECORD_ID)]),
]

# A number of things, not an id: 32 bits.
QueryCount = Annotated[int, BeforeValidator(parse_digits, json_schema_input_type=Annotated[int, Field(ge=1, lt=2**31)])]

QueryFlag = Annotated[bool, BeforeValidator(_parse_flag, json_schema_input_type=bool)]

QueryText = Annotated[str, text_constraints(1000)] | None  # blank text counts as absent
