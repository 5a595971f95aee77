"""What two leads have in common, or not: a level for each field, before it is weighed. Pure."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Evidence(NamedTuple):
    """A field's level. `rarity` is the base-2 logarithm of how often two leads that are two people reach the level.

    `kind` is fixed where nothing is learnt: then `rarity` is the number of bits that speak against. `said` is what a
    reason quotes of both leads.
    """

    field: str
    kind: str
    level: str
    rarity: float
    said: tuple[str, ...] = ()


# How often the values of two people reach a level; exact and close depend on how common the value is.
CHANCE_LEVELS: dict[str, dict[str, float]] = {
    "given": {"nickname": 2e-3, "near": 0.03, "initial": 0.06, "cut": 0.02, "differ": 0.93},
    "surname": {"near": 0.025, "initial": 0.06, "cut": 0.012, "differ": 0.96},
    "email": {"close": 1e-5, "digits": 1e-4, "masked": 2e-3, "near": 3e-3, "differ": 0.99},
    "phone": {"close": 3e-5, "near": 1.5e-3, "garbled": 0.02, "switchboard": 0.06, "neighbour": 0.01, "differ": 0.99},
    "company": {"near": 0.02, "cut": 0.005, "subset": 0.004, "differ": 0.97},
    "date": {"part": 6e-3, "near": 0.02, "differ": 0.97},
    "number": {"close": 0.05, "near": 0.1, "differ": 0.9},
    "reference": {"close": 1e-4, "near": 3e-3, "differ": 0.98},
    "text": {"near": 0.03, "cut": 0.01, "subset": 0.01, "differ": 0.93},
}
CLOSE_FACTOR, MIN_CLOSE_FREQUENCY, MAX_CHANCE = 1.5, 1e-3, 0.5
# Bits of what speaks against.
OBJECTIONS = {"swapped": 4.0, "order": 2.0, "generation": 16.0, "generation_missing": 1.0, "gender": 12.0}


def exact_rarity(frequency: float) -> float:
    return math.log2(min(frequency, MAX_CHANCE))


def close_rarity(frequency: float) -> float:
    """Return the rarity of a close value; `frequency` is the commoner one's."""
    return math.log2(min(CLOSE_FACTOR * max(frequency, MIN_CLOSE_FREQUENCY), MAX_CHANCE))


def chance_rarity(kind: str, level: str) -> float:
    return _RARITIES[kind, level]


def objection(field: str, level: str, *said: str) -> Evidence:
    return Evidence(field, "fixed", level, OBJECTIONS[level], said)


_RARITIES = {
    (kind, level): math.log2(chance) for kind, levels in CHANCE_LEVELS.items() for level, chance in levels.items()
}


# Noted by ingest: a submission had the email of one lead and the phone of the other.
SHARED_CONTACT = Evidence("phone", "fixed", "shared_contact", -20.0)


def encode_evidence(evidence: Iterable[Evidence]) -> list[list[Any]]:
    return [[part.field, part.kind, part.level, round(part.rarity, 3), list(part.said)] for part in evidence]


def decode_evidence(rows: Iterable[Sequence[Any]]) -> list[Evidence]:
    return [Evidence(field, kind, level, rarity, tuple(said)) for field, kind, level, rarity, said in rows]
