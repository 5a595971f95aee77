"""How alike two words are, as levels. Pure."""

from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from services.workers.likeness.phonetic_keys import sound_of
from services.workers.likeness.plain_text import digits_of

CLOSE_SIMILARITY, NEAR_SIMILARITY = 0.93, 0.82  # by Jaro-Winkler, from 0 to 1
NEAR_EDITS = 0.4  # of the letters
MIN_SOUND_LETTERS = 4  # of words that may be close by their sound
MAX_LENGTH_DIFFERENCE = 3  # letters, of such words
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))


@lru_cache(maxsize=20_000)
def word_level(word: str, other: str) -> str:
    """Return exact, close (a slip of the pen), cut (one begins the other), initial, near, or differ."""
    if word == other:
        return "exact"
    if have_other_digits(word, other):
        return "differ"
    short, long = (word, other) if len(word) <= len(other) else (other, word)
    if long.startswith(short):
        return _beginning_level(len(short), len(long))
    most = int(len(long) * NEAR_EDITS)
    distance = OSA.distance(short, long, score_cutoff=most)
    if _is_slip(distance, len(long)):
        return "close"
    similarity = JaroWinkler.similarity(short, long)
    if similarity >= CLOSE_SIMILARITY or _sounds_alike(short, long):
        return "close"
    return "near" if distance <= most or similarity >= NEAR_SIMILARITY else "differ"


def have_other_digits(text: str, other: str) -> bool:
    """Return whether both texts are numbered, and differently: `Person 12` and `Person 13` are two."""
    if text.isalpha() or other.isalpha():
        return False
    digits, others = digits_of(text), digits_of(other)
    return bool(digits and others and digits != others)


def _beginning_level(short: int, long: int) -> str:
    if short == 1:
        return "initial"
    return "close" if short >= 4 and long - short == 1 else "cut"


def _is_slip(distance: int, length: int) -> bool:
    return (distance == 1 and length > 2) or (distance == 2 and length >= 8)


def _sounds_alike(short: str, long: str) -> bool:
    if len(short) < MIN_SOUND_LETTERS or len(long) - len(short) > MAX_LENGTH_DIFFERENCE:
        return False
    if sound_of(short) == sound_of(long):
        return True
    return short[0] == long[0] and _without_umlauts(short) == _without_umlauts(long)


@lru_cache(maxsize=20_000)
def _without_umlauts(word: str) -> str:
    """Return the word with `ae` as `a` and so on: Mueller and Muller are both Müller."""
    for written, letter in _UMLAUTS:
        word = word.replace(written, letter)
    return word
