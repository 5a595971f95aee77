"""Compare the names of two leads. Pure."""

from services.workers.likeness.evidence import (
    Evidence,
    chance_rarity,
    close_rarity,
    exact_rarity,
    objection,
)
from services.workers.likeness.nicknames import is_gender_pair, is_known_name, is_nickname
from services.workers.likeness.parsed_names import NameParts
from services.workers.likeness.value_frequencies import ValueFrequencies, whole_name
from services.workers.likeness.word_levels import have_other_digits, word_level

Words = tuple[str, ...]

MIN_JOINED_LETTERS = 5  # of names that are parted into words otherwise

_LEVEL_ORDER = ("exact", "nickname", "close", "subset", "near", "cut", "initial", "differ", "gender")
_AGREEING_LEVELS = frozenset({"exact", "nickname", "close"})


def compare_names(name: NameParts, other: NameParts, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of both names: given name and surname, or the whole name where its words are the same."""
    straight = _compare_parts(name, other, frequencies)
    evidence = straight
    if not _agree(straight):
        evidence = _whole_name(name, other, frequencies) or _swapped(name, other, frequencies) or straight
    if name.generation and other.generation and name.generation != other.generation:
        return [*evidence, objection("generation", "generation", name.generation, other.generation)]
    if name.generation != other.generation:
        return [*evidence, objection("generation", "generation_missing", name.generation or other.generation)]
    return evidence


def _agree(evidence: list[Evidence]) -> bool:
    return len(evidence) == 2 and evidence[0].level in _AGREEING_LEVELS and evidence[1].level in _AGREEING_LEVELS


def _compare_parts(name: NameParts, other: NameParts, frequencies: ValueFrequencies) -> list[Evidence]:
    parts = []
    if name.given and other.given:
        parts.append(_given_evidence(name.given, other.given, frequencies))
    if name.surname and other.surname:
        parts.append(_surname_evidence(name.surname, other.surname, frequencies))
    if len(parts) == 2 and parts[0].level == parts[1].level == "exact":
        frequency = max(frequencies.frequency("name", "name", whole_name(each)) for each in (name, other))
        return _at_most(exact_rarity(frequency), parts)
    return parts


def _at_most(rarity: float, parts: list[Evidence]) -> list[Evidence]:
    """Return the parts, together no rarer than the whole: first and last names of one country go together."""
    factor = min(rarity / sum(part.rarity for part in parts), 1.0)
    return [part._replace(rarity=part.rarity * factor) for part in parts]


def _joined(words: Words) -> str:
    return words[0] if len(words) == 1 else "".join(words)


def _given_evidence(words: Words, others: Words, frequencies: ValueFrequencies) -> Evidence:
    level, spellings = given_level(words, others), (" ".join(words), " ".join(others))
    if level == "gender":
        return objection("first_name", "gender", *spellings)
    return Evidence("first_name", "given", level, _rarity("given", level, words[0], others[0], frequencies), spellings)


def given_level(words: Words, others: Words) -> str:
    """Return the level of two given names; those beyond the first may be missing."""
    if words[0] == others[0] or (joined := _joined(words)) == (other := _joined(others)):
        return "exact"
    if is_nickname(words[0], others[0]):
        return "nickname"
    if is_gender_pair(words[0], others[0]):
        return "gender"
    level = word_level(words[0], others[0])
    if len(words) > 1 or len(others) > 1:
        level = min(level, word_level(joined, other), key=_LEVEL_ORDER.index)
    if level == "close" and is_known_name(words[0]) and is_known_name(others[0]):
        return "near"  # two names of two people: Mark and Mary
    if level == "differ" and not set(words).isdisjoint(others):
        return "near"
    return level


def _surname_evidence(words: Words, others: Words, frequencies: ValueFrequencies) -> Evidence:
    level, spellings = surname_level(words, others), (" ".join(words), " ".join(others))
    joined, other = _joined(words), _joined(others)
    if level == "subset":
        shared = max(set(words) & set(others), key=len)
        rarity = exact_rarity(3 * frequencies.frequency("surname", "surname", shared))
    else:
        rarity = _rarity("surname", level, joined, other, frequencies)
    return Evidence("last_name", "surname", level, rarity, spellings)


def surname_level(words: Words, others: Words) -> str:
    """Return the level of two surnames; `subset` is one of two surnames that is missing."""
    joined, other = _joined(words), _joined(others)
    level = word_level(joined, other)
    if level in ("exact", "close") or (len(words) == 1 and len(others) == 1):
        return level
    if have_other_digits(joined, other):
        return level
    return "subset" if any(len(word) > 3 for word in set(words) & set(others)) else level


def _rarity(kind: str, level: str, value: str, other: str, frequencies: ValueFrequencies) -> float:
    if level == "exact":
        return exact_rarity(frequencies.frequency(kind, kind, value))
    if level == "close":
        commoner = max(frequencies.frequency(kind, kind, value), frequencies.frequency(kind, kind, other))
        return close_rarity(commoner)
    return chance_rarity(kind, level)


def _whole_name(name: NameParts, other: NameParts, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of names that have the same words, in another order or parted otherwise."""
    words, others = (*name.given, *name.surname), (*other.given, *other.surname)
    if not words or not others or not _have_same_letters(words, others):
        return []
    given = max(frequencies.frequency("given", "given", "".join(n.given[:1])) for n in (name, other))
    surname = max(frequencies.frequency("surname", "surname", "".join(n.surname)) for n in (name, other))
    rarity = exact_rarity(given) + exact_rarity(surname)
    whole = Evidence("name", "whole", "exact", rarity, (" ".join(words), " ".join(others)))
    return [whole, objection("name", "order")] if words != others else [whole]


def _have_same_letters(words: Words, others: Words) -> bool:
    if len(words) == len(others):
        return len(words) > 1 and sorted(words) == sorted(others)
    joined = "".join(words)
    return len(joined) >= MIN_JOINED_LETTERS and joined == "".join(others)


def _swapped(name: NameParts, other: NameParts, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of names whose first and last names stand in each other's place."""
    if not (name.given and name.surname and other.given and other.surname):
        return []
    if name.given[0][0] != other.surname[0][0] and name.surname[0][0] != other.given[0][0]:
        return []  # saves half of the comparisons of names that are just different
    comparisons = [
        parts
        for parts in (
            _compare_parts(name, _turned(other), frequencies),
            _compare_parts(_turned(name), other, frequencies),
        )
        if _agree(parts)
    ]
    if not comparisons:
        return []
    least = max(comparisons, key=lambda parts: sum(part.rarity for part in parts))
    return [*least, objection("name", "swapped")]


def _turned(name: NameParts) -> NameParts:
    return NameParts(name.surname, name.given, name.generation)
