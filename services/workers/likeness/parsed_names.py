"""Parse the name of a person into given names, surnames and generation. Pure."""

from typing import NamedTuple

from services.workers.likeness.plain_text import fold_text

_TITLES = frozenset(
    "dr mr mrs ms miss prof professor sir madam dame herr frau hr fr ing dipl mag mme mlle sheikh rev hon".split()
)
_CREDENTIALS = frozenset("phd md mba esq dds rn cpa msc bsc".split())
_GENERATIONS = {
    "jr": "jr", "junior": "jr", "jnr": "jr", "sr": "sr", "senior": "sr", "snr": "sr", "ii": "2", "iii": "3", "iv": "4",
}  # fmt: skip
_MAIDEN_MARKS = frozenset("geb geborene nee born ne".split())
NAME_PARTICLES = frozenset(
    "van von der den de del della di da dos das do du la le les el al bin ibn bint ben ter ten zu zum y e af av".split()
)
MAX_WORDS = 8  # of a name; a longer one is no name


class NameParts(NamedTuple):
    """Words of a name, folded. `generation` is jr, sr, a number, or empty."""

    given: tuple[str, ...]
    surname: tuple[str, ...]
    generation: str


def parse_name(first: str, last: str) -> NameParts:
    """Parse first and last name as they stand in a lead. A whole name in one of them is split."""
    if not last.strip():
        first, last = _split_whole_name(first)
    elif not first.strip():
        first, last = "", last
    given, first_generation = _clean_words(fold_text(first).split())
    surname, last_generation = _clean_words(fold_text(last).split())
    return NameParts(tuple(given[:MAX_WORDS]), tuple(surname[:MAX_WORDS]), last_generation or first_generation)


def _split_whole_name(name: str) -> tuple[str, str]:
    before, comma, after = name.partition(",")
    if comma and before.strip() and after.strip() and fold_text(after) not in _GENERATIONS:
        return after, before
    words = name.split()
    while len(words) > 1 and fold_text(words[0]) in _TITLES:
        words = words[1:]
    return words[0] if words else "", " ".join(words[1:])


def _clean_words(words: list[str]) -> tuple[list[str], str]:
    """Return the words without titles and such, and the generation. A name of nothing else keeps its words."""
    generation = ""
    if len(words) > 1 or (words and words[0] in _GENERATIONS):
        for word in words[-2:]:
            generation = _GENERATIONS.get(word, generation)
    name_words = [
        word
        for place, word in enumerate(words)
        if word not in _CREDENTIALS
        and word not in _MAIDEN_MARKS
        and not (word in _TITLES and place + 1 < len(words))
        and not (generation and word in _GENERATIONS)
    ]
    return (name_words or [word for word in words if word not in _GENERATIONS]), generation
