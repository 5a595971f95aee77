"""Texts that strangers wrote, as an agent is told them: short, without anything that is not seen or can be followed.

Pure. A text is not made safe by this: it also stands under `untrusted`, and the server's instructions say what that is.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

MAX_TEXT_LENGTH = 500  # characters
MAX_NAME_LENGTH = 100
MAX_ITEMS = 50  # of a list or an object
MAX_DEPTH = 5
CUT_MARK = "…"
LINK_MARK = "(link)"

# Categories of what nobody sees or what belongs to no text: controls, formats (bidi marks and tags are among them),
# surrogates, private and unassigned characters.
_HIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_VARIATION_SELECTORS = frozenset((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
_FILLERS = frozenset((0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0))  # letters and symbols that show as nothing
_SPACES = re.compile(r"\s+")
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,30}:/|(?:data|javascript|mailto|vbscript|blob|file):(?=\S)|www\.|//)\S*"
    r"|(?<![\w@.])(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}[/?#]\S+",
    re.I,
)
# What marks up: HTML, and images, links, code and headings of Markdown. Each becomes a likeness that does nothing.
_MARKUP = str.maketrans({"<": "‹", ">": "›", "[": "⟦", "]": "⟧", "`": "ʼ", "|": "¦"})


def clean_text(text: str, length: int = MAX_TEXT_LENGTH) -> str:
    """Return a text of at most `length` characters, without links, markup and what nobody sees."""
    visible = "".join(
        " " if character.isspace() else character for character in text[: 20 * length] if _is_seen(character)
    )
    unlinked = _LINK.sub("\0", visible)
    # What is left of a scheme after one pass through nested texts is no link any more.
    plain = unlinked.replace("://", ": ").translate(_MARKUP).replace("\0", LINK_MARK)
    spaced = _SPACES.sub(" ", plain).strip()
    return spaced if len(spaced) <= length else spaced[: length - 1] + CUT_MARK


def clean_value(value: Any, depth: int = 0) -> Any:
    """Return a value of JSON with all of its texts and names cleaned, and what is too long or too deep left out."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if depth >= MAX_DEPTH:
        return CUT_MARK
    if isinstance(value, Mapping):
        return {
            clean_text(str(name), MAX_NAME_LENGTH): clean_value(part, depth + 1)
            for name, part in list(value.items())[:MAX_ITEMS]
        }
    if isinstance(value, list | tuple):
        return [clean_value(part, depth + 1) for part in value[:MAX_ITEMS]]
    return clean_text(str(value))


def is_hidden(character: str) -> bool:
    """Return whether nobody sees a character of a text. Tabs and newlines count as seen."""
    if character in "\t\n\r":
        return False
    return not _is_seen(character) or unicodedata.category(character) in ("Cc", "Zl", "Zp")


def _is_seen(character: str) -> bool:
    if character.isspace():
        return True
    code = ord(character)
    return (
        unicodedata.category(character) not in _HIDDEN_CATEGORIES
        and code not in _VARIATION_SELECTORS
        and code not in _FILLERS
    )
