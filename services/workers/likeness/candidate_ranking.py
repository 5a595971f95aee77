"""Choose which of the leads that share keys are compared. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

KEY_CAP = 50  # leads; a key with more closes
MAX_COMPARED = 32  # candidates of a lead
CLOSED_KEY_LEAD = -1  # the lead id that marks a closed key
# What a candidate must share, in parts of the bits of a key that two leads alone have. A small workspace has time for
# candidates that share one key that several have.
SMALL_WORKSPACE_LEADS = 10_000
SMALL_MIN_SHARE, MIN_SHARE = 0.7, 0.9


def rank_candidates(sharers: Mapping[int, Iterable[int]], lead_id: int, leads: int) -> list[int]:
    """Return the candidates that are compared, the most promising first.

    `sharers` has the leads of each open key of this lead. A shared key counts for the more, the fewer share it.
    """
    total = math.log2(max(leads, 2) * 2)
    bits: dict[int, float] = defaultdict(float)
    for others in sharers.values():
        candidates = [other for other in others if other != lead_id]
        if candidates:
            worth = max(total - math.log2(len(candidates) + 1), 0.1)
            for other in candidates:
                bits[other] += worth
    least = (SMALL_MIN_SHARE if leads <= SMALL_WORKSPACE_LEADS else MIN_SHARE) * (total - 1)
    ranked = sorted((-worth, other) for other, worth in bits.items() if worth >= least)
    return [other for _, other in ranked[:MAX_COMPARED]]
