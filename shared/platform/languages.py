"""The languages that a browser asks for, and the direction in which a language is written. Pure."""

from contextlib import suppress
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError

MAX_ACCEPTED_LANGUAGES: Final = 20  # read from a header
MAX_CACHED_DIRECTIONS: Final = 256


def accepted_languages(header: str) -> list[str]:
    """Return the languages of an `Accept-Language` header, without regions and the preferred first."""
    weighted = []
    for position, part in enumerate(header.split(",")[:MAX_ACCEPTED_LANGUAGES]):
        tag, _, quality = part.strip().partition(";q=")
        with suppress(ValueError):
            weight = float(quality or 1)
            if weight > 0:  # 0 refuses a language
                weighted.append((-weight, position, base_language(tag.strip())))
    return [language for _, _, language in sorted(weighted)]


def base_language(tag: str) -> str:
    """Return the language of a tag: `pt` for `pt-BR`."""
    return tag.partition("-")[0].lower()


@lru_cache(MAX_CACHED_DIRECTIONS)
def language_direction(tag: str) -> str:
    """Return `ltr` or `rtl`, as the language of a tag is written; `ltr` for an unknown language."""
    for name in (tag, base_language(tag)):  # Babel does not know every region of a language
        with suppress(UnknownLocaleError, ValueError):
            return str(Locale.parse(name, sep="-").text_direction)
    return "ltr"
