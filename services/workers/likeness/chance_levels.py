"""How often two people of a workspace reach a level by chance, counted in random pairs of its leads. Pure.

The table of `evidence` knows no range that all phones are of, and no numbering of partners. It stands in for
`PRIOR_PAIRS` pairs. Levels whose rarity comes from the frequency of a value are not counted.

Source: estimate_u_using_random_sampling of Splink.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.evidence import CHANCE_LEVELS, Evidence
from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.likeness_score import DEFAULT_DUPLICATES, SAME_PERSON_LEVELS, LevelChances
from services.workers.likeness.value_frequencies import ValueFrequencies

PRIOR_PAIRS = 1_000


def compare_random_pairs(profiles: Sequence[LeadProfile], pairs: int, seed: int) -> list[list[Evidence]]:
    """Return the evidence of so many random pairs, or of none where there are less than two leads."""
    if len(profiles) < 2:
        return []
    chance, frequencies = random.Random(seed), ValueFrequencies(len(profiles), {})  # noqa: S311  # no secret
    chosen = (chance.sample(profiles, 2) for _ in range(pairs))
    return [compare_profiles(profile, other, frequencies) for profile, other in chosen]


def learn_chances(pairs: Iterable[Sequence[Evidence]], leads: int) -> LevelChances:
    """Return the levels that random pairs of a workspace of so many leads reach oftener than the table says."""
    compared: Counter[tuple[str, str]] = Counter()
    reached: Counter[tuple[str, str, str]] = Counter()
    for evidence in pairs:
        compared.update((part.field, part.kind) for part in evidence)
        reached.update((part.field, part.kind, part.level) for part in evidence)
    same_person = 2 * DEFAULT_DUPLICATES / max(leads, 2)  # of random pairs
    chances = {}
    for (field, kind, level), times in reached.items():
        table = CHANCE_LEVELS.get(kind, {}).get(level)
        if table is not None:
            total = compared[field, kind]
            strangers = times - total * same_person * SAME_PERSON_LEVELS[kind][level]
            chance = (strangers + PRIOR_PAIRS * table) / (total + PRIOR_PAIRS)
            if chance > table:
                chances[field, kind, level] = chance
    return chances
