"""The rarest parts of what is searched, which are all that the index is asked for. Pure.

A trigram index reads all texts that each trigram of a pattern fits. Parts such as `example` fit every lead. A few rare
parts leave few texts, and only these are compared with the whole pattern.
"""

import re
from collections.abc import Iterable, Sequence

FEW = 4  # parts at most: more of them hardly leave fewer texts
RARE = 0.05  # the share of texts up to which a part is worth reading, though few texts are left already
LEFT = 0.03  # the share of texts from which too many are left to be compared
CONSIDERED = 60  # parts of a long pattern that are looked for in the sample

_literals = re.compile(r"(?:[^%\\]|\\.)+", re.DOTALL).findall
_words = re.compile(r"[^\W_]+").finditer
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BETWEEN = re.compile(r"[\W_]+")
_WILD = re.compile(r"([\\%_])")


class Sample:
    """Texts that the index holds: they tell how rare a part is. All in lower case."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [f"  {_BETWEEN.sub('  ', text)}  " for text in texts]

    def rarest(self, pattern: str) -> list[str]:
        """LIKE patterns, the rarest first. All texts fit them that fit `pattern`; there are none where they leave many.

        A poor choice costs time, and hides no text.
        """
        fits = {part: self._fits(trigram) for trigram, part in [*_parts(pattern)][:CONSIDERED]}
        chosen: list[str] = []
        left = set(range(len(self._texts)))
        for part in sorted(fits, key=lambda part: len(fits[part])):
            if len(chosen) < FEW and (len(fits[part]) <= RARE * len(self._texts) or not left <= fits[part]):
                chosen.append(_WILD.sub(r"\\\1", part))
                left &= fits[part]
        return [f"%{part}%" for part in chosen] if len(left) < LEFT * len(self._texts) else []

    def _fits(self, trigram: str) -> set[int]:
        return {number for number, text in enumerate(self._texts) if trigram in text}


def _parts(pattern: str) -> Iterable[tuple[str, str]]:
    """The trigrams that PostgreSQL takes from a pattern, each with the piece of the pattern that holds it.

    Words are letters and digits. Two blanks stand for what is before a word, and one for what is behind it, unless a
    wildcard may stand for more of the word.
    """
    for literal in _literals(pattern):
        text = _ESCAPED.sub(r"\1", literal)
        for word in _words(text):
            start, end = word.span()
            before = "  " if start else ""
            padded = f"{before}{word[0]}{' ' if end < len(text) else ''}"
            for place in range(len(padded) - 2):
                at = start - len(before) + place
                yield padded[place : place + 3], text[max(at, start - 1, 0) : at + 3]
