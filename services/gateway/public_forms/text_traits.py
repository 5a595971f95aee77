"""Traits of texts that give spam away: links, markup, addresses in names, letters of two alphabets in a word. Pure."""

import re
import unicodedata
from collections.abc import Iterable

# A link with its scheme, `www.`, or a bare domain with a path. Quantifiers are bounded, so that no text costs much.
_find_links = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'\])]{1,2000}|\bwww\.[^\s<>\"'\])]{3,500}"
    r"|(?<![@\w.-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}/[^\s<>\"'\])]{1,500}",
    re.IGNORECASE,
).findall
_find_markup = re.compile(
    r"<\s*a\s[^<>]{0,500}href|<\s*(?:script|iframe|img|meta)\b|\[\s*(?:url|link|img)\s*[=\]]|\[[^\]]{1,200}\]\(https?://",
    re.IGNORECASE,
).search
_find_words = re.compile(r"[^\W\d_]{2,}").findall
# Alphabets whose letters look alike. Letters of others stand beside Latin ones in honest words, such as WeChat微信.
_CONFUSABLE_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
# Greek letters of formulas and units beside Latin ones.
_UNIT_LETTERS = frozenset("µμΩωΔδπλσθαβγ")
MAX_UNIT_LENGTH = 4  # letters
MAX_SCANNED_LENGTH = 20_000  # characters of all texts of a submission


def count_links(texts: Iterable[str]) -> int:
    """Return how many links the texts have. A link with other text in front of its address counts once."""
    return len(_find_links(_joined_text(texts)))


def link_hosts(texts: Iterable[str]) -> list[str]:
    """Return the hosts of the links in the texts, in lower case."""
    addresses = (link.rpartition("://")[2] for link in _find_links(_joined_text(texts)))
    hosts = (re.split(r"[/?#]", address, maxsplit=1)[0] for address in addresses)
    return list(dict.fromkeys(host.rpartition("@")[2].partition(":")[0].casefold() for host in hosts))


def has_link_markup(texts: Iterable[str]) -> bool:
    """Return whether a text has links or scripts in HTML, BBCode or Markdown."""
    return bool(_find_markup(_joined_text(texts)))


def has_link(text: str) -> bool:
    """Return whether a text has a link."""
    return bool(_find_links(text[:MAX_SCANNED_LENGTH]))


def count_mixed_words(texts: Iterable[str]) -> int:
    """Return how many different words have letters of two alphabets that look alike."""
    text = _joined_text(texts)
    if text.isascii():
        return 0
    return sum(map(_is_mixed_word, {word for word in _find_words(text) if not word.isascii()}))


def text_fingerprint(texts: Iterable[str]) -> str:
    """Return the letters of the texts in lower case: the same for copies that differ in spacing, digits and marks."""
    return "".join(_find_words(_joined_text(texts).casefold()))


def _is_mixed_word(word: str) -> bool:
    if len(word) <= MAX_UNIT_LENGTH and not _UNIT_LETTERS.isdisjoint(word):
        return False
    names = [unicodedata.name(letter, "") for letter in word]
    found = {name.partition(" ")[0] for name in names if "FULLWIDTH" not in name}
    return sum(alphabet in found for alphabet in _CONFUSABLE_ALPHABETS) > 1


def _joined_text(texts: Iterable[str]) -> str:
    return "\n".join(texts)[:MAX_SCANNED_LENGTH]
