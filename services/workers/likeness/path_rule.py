"""The path rule: two leads that are both alike a third are suggested too, unless much speaks against it. Pure.

A lead with an email and one with a phone may have nothing in common but a third lead that has both. One step only:
a closure of all steps would chain strangers together.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import combinations

from services.workers.likeness.evidence import Evidence
from services.workers.likeness.lead_comparison import MIN_OPEN_BITS, PairKey

STRONG_BITS = 3.17  # a probability of 0.9: what a step of a path must have
MIN_PATH_BITS = -10.0  # of the pair itself; less speaks against it
MAX_PATH_BITS = 3.0  # below a strong pair's, so that paths are not made of paths
MAX_NEIGHBOURS = 20  # of the lead in the middle


def path_evidence(bits: float, middle: str) -> Evidence | None:
    """Return the evidence of a path that lifts a pair of these bits, or None. `middle` is the third lead's name."""
    if not MIN_PATH_BITS <= bits < MIN_OPEN_BITS:
        return None
    return Evidence("pair", "fixed", "path", -min(-MIN_PATH_BITS, MAX_PATH_BITS - bits), (middle,))


def add_paths(bits: Mapping[PairKey, float], bits_of: Callable[[PairKey], float]) -> dict[PairKey, int]:
    """Return the pairs that a path lifts, each with the lead in the middle.

    `bits` are of the pairs that were compared; `bits_of` compares others.
    """
    neighbours: dict[int, list[int]] = defaultdict(list)
    for (a, b), worth in sorted(bits.items(), key=lambda item: -item[1]):
        if worth >= STRONG_BITS:
            neighbours[a].append(b)
            neighbours[b].append(a)
    lifted: dict[PairKey, int] = {}
    for middle, others in neighbours.items():
        for a, b in combinations(sorted(others[:MAX_NEIGHBOURS]), 2):
            known = bits.get((a, b))
            if (known is None or known < MIN_OPEN_BITS) and (a, b) not in lifted:
                worth = bits_of((a, b)) if known is None else known
                if path_evidence(worth, "") is not None:
                    lifted[a, b] = middle
    return lifted
