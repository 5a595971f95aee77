"""A language that nobody speaks: each translated text stands in ⟦brackets⟧, and its vowels are longer.

A text of a page that stands outside the brackets, and is no data, was never given to a translator.
"""

import gettext
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest

from services.console.web import rendering
from services.console.web.translations import Language, load_languages

CODE = "eo"  # Babel knows its months, and no catalogue of ours has it
OPENS, CLOSES = "⟦", "⟧"
LONGER = str.maketrans({vowel: f"{vowel}{vowel}" for vowel in "aeiouAEIOU"})
KEPT = re.compile(r"(%\([a-z_]+\)[sd]|%%|&#?\w+;|<[^>]*>)")  # placeholders and markup
VOID = frozenset(("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
# What people or machines wrote: their elements are marked as such, or hold nothing that is translated.
DATA_ELEMENTS = frozenset(
    ("bdi", "code", "kbd", "option", "pre", "q", "script", "style", "svg", "textarea", "time", "title")
)
DATA_CLASSES = frozenset(("avatar", "code-block", "day-heading", "initials", "ltr", "mono", "mono-chip", "tag"))
SPOKEN_ATTRIBUTES = ("alt", "aria-label", "data-copied", "placeholder")
BLOCKS = frozenset(("form", "main", "nav", "section", "table", "tr"))  # no text goes on behind their end
NAMES = re.compile(
    r"LeadHub|PostgreSQL|Valkey|UTC|ND?JSON|CSV|PHP|curl|JavaScript|Node|Python|https?://|utm_\w+|[KMG]i?B\b"
)
LETTERS = re.compile(r"[^\W\d_]{2,}")


class PseudoTranslations(gettext.NullTranslations):
    """English in brackets, by each of the ways in which a text is asked for."""

    def gettext(self, message: str) -> str:
        return pseudo_text(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo_text(super().ngettext(msgid1, msgid2, n))

    def pgettext(self, context: str, message: str) -> str:
        return pseudo_text(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo_text(super().npgettext(context, msgid1, msgid2, n))


def pseudo_text(message: str) -> str:
    """A text as this language has it. Placeholders and markup stay."""
    parts = KEPT.split(message)
    return OPENS + "".join(part if place % 2 else part.translate(LONGER) for place, part in enumerate(parts)) + CLOSES


@contextmanager
def pseudo_language() -> Iterator[None]:
    """The console of this process speaks the language as long as the block lasts, if it is started within."""

    def load() -> Mapping[str, Language]:
        return {**load_languages(), CODE: Language(CODE, PseudoTranslations())}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "load_languages", load)
        yield


def untranslated_texts(html: str) -> list[str]:
    """What a page in this language shows or tells outside the brackets."""
    reader = _PageTexts()
    reader.feed(html)
    reader.close()
    return reader.found


class _PageTexts(HTMLParser):
    """Walks over a page. What stands between brackets is translated, elements and data among it too."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []  # elements, and whether each holds data
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        is_foreign = tag != "html" and ("lang" in values or values.get("dir") == "auto")
        holds_data = is_foreign or not DATA_CLASSES.isdisjoint(values.get("class", "").split())
        for name in () if holds_data else SPOKEN_ATTRIBUTES:
            self._judge_attribute(values.get(name, ""))
        if tag not in VOID:
            self._open.append((tag, holds_data or tag in DATA_ELEMENTS))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass
        if tag in BLOCKS:
            self._depth = 0

    def handle_data(self, data: str) -> None:
        if not self._depth and not any(holds_data for _, holds_data in self._open):
            self._judge(data)
        self._depth = max(self._depth + data.count(OPENS) - data.count(CLOSES), 0)

    def _judge_attribute(self, text: str) -> None:
        if OPENS not in text:
            self._judge(text)

    def _judge(self, text: str) -> None:
        outside = re.sub(f"{OPENS}.*", "", re.sub(f"{OPENS}[^{OPENS}]*?{CLOSES}", "", text, flags=re.DOTALL))
        if LETTERS.search(NAMES.sub("", outside)):
            place = "/".join(tag for tag, _ in self._open[-3:])
            self.found.append(f"{place}: {' '.join(outside.split())[:80]}")
