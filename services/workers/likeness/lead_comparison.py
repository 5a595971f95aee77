"""Compare a lead with its candidates, and keep the pairs that are worth keeping. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.evidence import SHARED_CONTACT, Evidence
from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.likeness_score import MatchWeights, WeighedPair
from services.workers.likeness.value_frequencies import ValueFrequencies
from services.workers.likeness.value_hashes import hash_value

MIN_OPEN_BITS = 0.0  # a probability of one half: what is shown
MIN_KEPT_BITS = -4.0  # kept unseen, since new weights may raise it

PairKey = tuple[int, int]


class ScoredPair(NamedTuple):
    """Two leads, the lower id first, with their evidence and what it weighs."""

    key: PairKey
    evidence: list[Evidence]
    weighed: WeighedPair


def compare_lead(
    lead_id: int,
    profile: LeadProfile,
    candidates: Mapping[int, LeadProfile],
    noted: Iterable[int],
    frequencies: ValueFrequencies,
    weights: MatchWeights,
) -> list[ScoredPair]:
    """Return the pairs of a lead that are kept. `noted` are leads of which ingest noted that they are alike."""
    noted = set(noted)
    pairs = []
    for other_id, other in candidates.items():
        evidence = compare_profiles(profile, other, frequencies)
        if other_id in noted:
            evidence.append(SHARED_CONTACT)
        weighed = weights.weigh(evidence, frequencies.leads)
        if weighed.bits >= MIN_KEPT_BITS:
            key = (lead_id, other_id) if lead_id < other_id else (other_id, lead_id)
            pairs.append(ScoredPair(key, evidence, weighed))
    return pairs


def contacts_hash(profile: LeadProfile, other: LeadProfile) -> int:
    """Return a hash of the names, emails and phones of both: what must change before a dismissed pair comes back."""
    parts = sorted(repr((p.name, p.local, p.domain, p.phone, p.extension)) for p in (profile, other))
    return hash_value("contacts", "\0".join(parts))
