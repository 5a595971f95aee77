"""Finds the rarest fragments of a search pattern: only these are looked up in the index. Pure.

A trigram index reads all texts that contain each trigram of a pattern. Fragments such as `example` occur in every lead.
A few rare fragments leave few texts, and only these are compared with the whole pattern.
"""

import re
from collections.abc import Iterable, Sequence

MAX_FRAGMENTS = 4  # maximum of fragments: more hardly leave fewer texts
RARE_SHARE = 0.05  # the share of texts up to which a fragment is used even if few texts are left already
MAX_REMAINING_SHARE = 0.03  # the share of texts from which too many are left to compare
MAX_CONSIDERED_FRAGMENTS = 60  # fragments of a long pattern that are looked for in the sample

_find_literals = re.compile(r"(?:[^%\\]|\\.)+", re.DOTALL).findall
_find_words = re.compile(r"[^\W_]+").finditer
_ESCAPED_CHARACTER = re.compile(r"\\(.)", re.DOTALL)
_WORD_SEPARATOR = re.compile(r"[\W_]+")
_LIKE_WILDCARD = re.compile(r"([\\%_])")


class TextSample:
    """A sample of the indexed texts, in lower case. It tells how rare a fragment is."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [f"  {_WORD_SEPARATOR.sub('  ', text)}  " for text in texts]

    def rarest_fragments(self, pattern: str) -> list[str]:
        """Return LIKE patterns, the rarest first, or none if they would leave too many texts.

        Every text that matches `pattern` matches all of them. A poor choice costs time but hides no text.
        """
        fits = {
            part: self._texts_with(trigram)
            for trigram, part in [*_trigram_fragments(pattern)][:MAX_CONSIDERED_FRAGMENTS]
        }
        chosen: list[str] = []
        places = set(range(len(self._texts)))
        for part in sorted(fits, key=lambda part: len(fits[part])):
            if len(chosen) < MAX_FRAGMENTS and (
                len(fits[part]) <= RARE_SHARE * len(self._texts) or not places <= fits[part]
            ):
                chosen.append(_LIKE_WILDCARD.sub(r"\\\1", part))
                places &= fits[part]
        return [f"%{part}%" for part in chosen] if len(places) < MAX_REMAINING_SHARE * len(self._texts) else []

    def _texts_with(self, trigram: str) -> set[int]:
        return {number for number, text in enumerate(self._texts) if trigram in text}


def has_trigrams(pattern: str) -> bool:
    """Return whether the index can be asked for a pattern: it has three letters or digits in a row, or a word's end."""
    return any(True for _ in _trigram_fragments(pattern))


def _trigram_fragments(pattern: str) -> Iterable[tuple[str, str]]:
    """Yield the trigrams that PostgreSQL extracts from a pattern, each with the fragment of the pattern that contains
    it.

    Words consist of letters and digits. Two blanks stand for the start of a word and one for its end, unless a wildcard
    may continue the word.
    """
    for literal in _find_literals(pattern):
        text = _ESCAPED_CHARACTER.sub(r"\1", literal)
        for word in _find_words(text):
            start, end = word.span()
            before = "  " if start else ""
            padded = f"{before}{word[0]}{' ' if end < len(text) else ''}"
            for place in range(len(padded) - 2):
                at = start - len(before) + place
                yield padded[place : place + 3], text[max(at, start - 1, 0) : at + 3]
