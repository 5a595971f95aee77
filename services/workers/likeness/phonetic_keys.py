"""Write words by their sound, so that spellings of one name share a key. Pure.

In the manner of NYSIIS and Metaphone (Philips, 1990), simplified for names of several languages: spellings of one
sound become one letter, vowels behind the first letter are dropped.
"""

import re
from functools import lru_cache

MAX_SOUND_LENGTH = 6

_SPELLINGS = (
    (r"^mac(?=[^aeiou])", "mk"),
    (r"^mc", "mk"),
    (r"^(kn|gn|pn)", "n"),
    (r"^wr", "r"),
    (r"sch|sh|sz|sj", "x"),
    (r"tsch|tch|ch|cz|cs|tz", "x"),
    (r"ph|pf", "f"),
    (r"th|dh", "t"),
    (r"gh(?=t)", ""),
    (r"gh|kh|ck|q", "k"),
    (r"ks|x(?=[aeiou])", "x"),
    (r"c(?=[eiy])", "s"),
    (r"c", "k"),
    (r"z", "s"),
    (r"dj|j|(?<=[aeiou])y|^y|i(?=[ae])", "i"),
    (r"w|v", "f"),
    (r"y", "i"),
    (r"d", "t"),
    (r"g", "k"),
    (r"b", "p"),
    (r"(?<!^)h", ""),
)
_SPELLING_PATTERNS = [(re.compile(pattern), sound) for pattern, sound in _SPELLINGS]
_REPEATED = re.compile(r"(.)\1+")
_VOWELS = re.compile(r"(?<!^)[aeiou]")


@lru_cache(maxsize=50_000)
def sound_of(word: str) -> str:
    """Return the sound of a folded word, at most six letters: `jon` and `john` sound alike."""
    sound = word
    for pattern, letter in _SPELLING_PATTERNS:
        sound = pattern.sub(letter, sound)
    sound = _VOWELS.sub("", _REPEATED.sub(r"\1", sound))
    if sound[:1] in "aeiou":
        sound = "a" + sound[1:]  # Eleonore and Aleonore
    return (_REPEATED.sub(r"\1", sound) or word)[:MAX_SOUND_LENGTH]
