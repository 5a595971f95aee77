"""Learn weights of a workspace from its own pairs, without labels, by expectation and maximisation. Pure.

Only m is learnt, how often pairs of one person reach each level, and how many duplicates there are; u comes from
frequencies and `chance_levels`. The table of `likeness_score` stands in for `PRIOR_PAIRS` pairs, so that few pairs
change little.

Source: Winkler, Using the EM Algorithm for Weight Computation in the Fellegi-Sunter Model (1988).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.workers.likeness.evidence import Evidence
from services.workers.likeness.likeness_score import DEFAULT_DUPLICATES, SAME_PERSON_LEVELS, LevelChances, MatchWeights

PRIOR_PAIRS = 60
ROUNDS = 6
HOPELESS_BITS = -12.0
MIN_DUPLICATES, MAX_DUPLICATES = 0.01, 0.8


def learn_weights(
    pairs: Sequence[Sequence[Evidence]], leads: int, sampled: int, chances: LevelChances | None = None
) -> MatchWeights:
    """Learn from the evidence of `sampled` leads with each of their candidates, of a workspace of so many leads.

    A pair both of whose leads are sampled stands there twice.
    """
    *_, weights = learning_rounds(pairs, leads, sampled, chances)
    return weights


def learning_rounds(
    pairs: Sequence[Sequence[Evidence]], leads: int, sampled: int, chances: LevelChances | None = None
) -> Iterator[MatchWeights]:
    """Yield the weights of each round; the last ones are the best. See `learn_weights`."""
    weights = MatchWeights(chances=chances)
    # Most candidates are strangers. They count for nothing, whatever is learnt.
    pairs = [evidence for evidence in pairs if weights.weigh(evidence, leads).bits > HOPELESS_BITS]
    for _ in range(ROUNDS):
        weights = _next_weights(weights, pairs, leads, sampled)
        yield weights


def _next_weights(weights: MatchWeights, pairs: Sequence[Sequence[Evidence]], leads: int, sampled: int) -> MatchWeights:
    reached: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    matches = 0.0
    for evidence in pairs:
        probability = weights.weigh(evidence, leads).probability
        matches += probability
        if probability > 1e-4:
            for part in evidence:
                if part.kind != "fixed":
                    reached[part.field, part.kind][part.level] += probability
    levels = {field: _smoothed(kind, counts) for (field, kind), counts in reached.items()}
    duplicates = (matches / 2 + PRIOR_PAIRS * DEFAULT_DUPLICATES) / (sampled + PRIOR_PAIRS)
    duplicates = min(max(duplicates, MIN_DUPLICATES), MAX_DUPLICATES)
    return MatchWeights(levels, duplicates, weights.chances)


def _smoothed(kind: str, counts: dict[str, float]) -> dict[str, float]:
    prior = SAME_PERSON_LEVELS[kind]
    total = sum(counts.values()) + PRIOR_PAIRS * sum(prior.values())
    return {level: (counts.get(level, 0.0) + PRIOR_PAIRS * frequency) / total for level, frequency in prior.items()}
