"""The likeness score: the bits by which evidence makes two leads likelier one person, after Fellegi and Sunter. Pure.

The bits of a level are log2(m / u). m is how often two leads of one person reach it: a table, until weights are learnt
of the workspace. u is how often two people's leads do: the evidence's rarity, or more where chance explains more.

Source: Fellegi and Sunter, A Theory for Record Linkage, JASA 64 (1969).
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.workers.likeness.evidence import Evidence

DEFAULT_DUPLICATES = 0.25  # leads of a workspace that have a duplicate, before anything is learnt
# How often two leads of one person reach each level.
SAME_PERSON_LEVELS: dict[str, dict[str, float]] = {
    "given": {
        "exact": 0.64,
        "nickname": 0.09,
        "close": 0.09,
        "near": 0.06,
        "initial": 0.03,
        "cut": 0.04,
        "differ": 0.05,
    },
    "surname": {
        "exact": 0.74,
        "close": 0.09,
        "near": 0.05,
        "subset": 0.03,
        "initial": 0.01,
        "cut": 0.03,
        "differ": 0.05,
    },
    "whole": {"exact": 0.7},
    "email": {
        "exact": 0.4,
        "local": 0.08,
        "close": 0.1,
        "digits": 0.05,
        "masked": 0.02,
        "near": 0.05,
        "differ": 0.22,
    },
    "phone": {
        "exact": 0.5,
        "close": 0.1,
        "near": 0.03,
        "garbled": 0.03,
        "switchboard": 0.02,
        "neighbour": 0.03,
        "differ": 0.3,
    },
    "company": {"exact": 0.6, "close": 0.1, "near": 0.05, "cut": 0.03, "subset": 0.07, "domain": 0.3, "differ": 0.15},
    "date": {"exact": 0.8, "part": 0.1, "near": 0.04, "differ": 0.06},
    "number": {"exact": 0.7, "close": 0.06, "near": 0.04, "differ": 0.2},
    "reference": {"exact": 0.75, "close": 0.08, "near": 0.04, "differ": 0.13},
    "text": {"exact": 0.6, "close": 0.1, "near": 0.05, "cut": 0.03, "subset": 0.05, "differ": 0.17},
}
# Fields such as street, town and postcode say much the same: each further one counts for less.
DAMPED_KINDS = frozenset({"text", "number"})
DAMPING = (1.0, 0.8, 0.6, 0.4)
MIN_LEVEL_FREQUENCY = 1e-4


LevelChances = Mapping[tuple[str, str, str], float]  # u by field, kind and level


class WeighedPair(NamedTuple):
    """The bits of a pair, and of each piece of its evidence, in the same order."""

    bits: float
    points: list[float]

    @property
    def probability(self) -> float:
        return probability_of(self.bits)


class MatchWeights:
    """Weights of a workspace. `levels` has what was learnt: how often pairs of one person reach a level, by field.

    `chances` has how often two people's leads reach it, where that is oftener than the evidence says.
    """

    def __init__(
        self,
        levels: Mapping[str, Mapping[str, float]] | None = None,
        duplicates: float = DEFAULT_DUPLICATES,
        chances: LevelChances | None = None,
    ) -> None:
        self.levels = levels or {}
        self.duplicates = duplicates
        self.chances = chances or {}
        self._logarithms: dict[tuple[str, str, str], tuple[float, float]] = {}  # of m and u

    def prior_bits(self, leads: int) -> float:
        """Return the bits of a pair of which nothing is known, among so many leads."""
        return -math.log2(max(leads, 2) / (2 * self.duplicates))

    def weigh(self, evidence: Iterable[Evidence], leads: int) -> WeighedPair:
        """Return the pair's bits, in a workspace of so many leads."""
        points: list[float] = []
        damped: list[int] = []
        for field, kind, level, rarity, _ in evidence:
            if kind == "fixed":
                points.append(-rarity)
                continue
            same, chance = self._logarithms.get((field, kind, level)) or self._take_logarithms(field, kind, level)
            if kind in DAMPED_KINDS:
                damped.append(len(points))
            points.append(same - max(rarity, chance))
        if len(damped) > 1:
            _damp(points, damped)
        return WeighedPair(self.prior_bits(leads) + sum(points), points)

    def _take_logarithms(self, field: str, kind: str, level: str) -> tuple[float, float]:
        """Return the logarithms of m and, where chance explains more than rarity, of u."""
        learnt = self.levels.get(field, {}).get(level)
        frequency = learnt or SAME_PERSON_LEVELS[kind].get(level, MIN_LEVEL_FREQUENCY)
        chance = self.chances.get((field, kind, level))
        found = math.log2(max(frequency, MIN_LEVEL_FREQUENCY)), math.log2(chance) if chance else -math.inf
        self._logarithms[field, kind, level] = found
        return found


def _damp(points: list[float], places: list[int]) -> None:
    places.sort(key=lambda place: -abs(points[place]))
    for rank, place in enumerate(places):
        points[place] *= DAMPING[min(rank, len(DAMPING) - 1)]


def probability_of(bits: float) -> float:
    """Return the probability of one person, from 0 to 1."""
    return 1 / (1 + math.exp2(-max(min(bits, 60.0), -60.0)))
