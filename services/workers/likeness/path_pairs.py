"""Find the pairs that the path rule lifts, around the strong pairs of a batch."""

from collections.abc import Collection, Mapping

from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.evidence import Evidence
from services.workers.likeness.lead_comparison import PairKey, ScoredPair
from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.likeness_store import read_counts, read_profiles
from services.workers.likeness.path_rule import STRONG_BITS, add_paths, path_evidence
from services.workers.likeness.sql_arrays import bigint_array
from services.workers.likeness.value_frequencies import ValueFrequencies, counted_hashes
from shared.platform.db.connections import Connection

MAX_PATH_LEADS = 300  # leads around the strong pairs of a batch that are looked at

STRONG_PAIRS_SQL = f"""
SELECT p.lead_a, p.lead_b, p.bits FROM unnest(%(leads)s::bigint[]) AS k(id)
JOIN duplicate_pairs p ON p.workspace_id = %(w)s AND p.lead_a = k.id AND p.state = 'open' AND p.bits >= {STRONG_BITS}
UNION
SELECT p.lead_a, p.lead_b, p.bits FROM unnest(%(leads)s::bigint[]) AS k(id)
JOIN duplicate_pairs p ON p.workspace_id = %(w)s AND p.lead_b = k.id AND p.state = 'open' AND p.bits >= {STRONG_BITS}
LIMIT {MAX_PATH_LEADS}
"""


async def lift_paths(
    connection: Connection,
    workspace_id: int,
    pairs: Mapping[PairKey, ScoredPair],
    compared: Collection[int],
    profiles: dict[int, LeadProfile],
    leads: int,
    weights: MatchWeights,
) -> dict[PairKey, ScoredPair]:
    """Return the pairs that are lifted. `compared` are the batch's leads; profiles that are read are added."""
    bits = {key: pair.weighed.bits for key, pair in pairs.items()}
    middles = {lead for key, worth in bits.items() if worth >= STRONG_BITS for lead in key}
    if not middles:
        return {}
    cursor = await connection.execute(STRONG_PAIRS_SQL, {"w": workspace_id, "leads": bigint_array(sorted(middles))})
    for a, b, worth in await cursor.fetchall():
        if a not in compared and b not in compared:
            bits[a, b] = worth
    missing = {lead for key in bits for lead in key} - profiles.keys()
    if missing:
        profiles |= await read_profiles(connection, workspace_id, missing)
    ends = {key[0] for key in _lifted(bits)}
    hashes = {hash_ for lead in ends if lead in profiles for hash_ in counted_hashes(profiles[lead])}
    counts = await read_counts(connection, workspace_id, hashes) if hashes else {}
    return _weigh_paths(bits, pairs, profiles, ValueFrequencies(leads, counts), weights)


def _lifted(bits: Mapping[PairKey, float]) -> dict[PairKey, int]:
    """Return the pairs that a path may lift."""
    return add_paths(bits, lambda _: -1.0)


def _weigh_paths(
    bits: Mapping[PairKey, float],
    pairs: Mapping[PairKey, ScoredPair],
    profiles: Mapping[int, LeadProfile],
    frequencies: ValueFrequencies,
    weights: MatchWeights,
) -> dict[PairKey, ScoredPair]:
    lifted = {}
    for key, middle in _lifted(bits).items():
        if any(lead not in profiles for lead in (*key, middle)):
            continue
        evidence = pairs[key].evidence if key in pairs else _compare(key, profiles, frequencies)
        path = path_evidence(weights.weigh(evidence, frequencies.leads).bits, _name_of(profiles[middle]))
        if path is not None:
            whole: list[Evidence] = [*evidence, path]
            lifted[key] = ScoredPair(key, whole, weights.weigh(whole, frequencies.leads))
    return lifted


def _compare(key: PairKey, profiles: Mapping[int, LeadProfile], frequencies: ValueFrequencies) -> list[Evidence]:
    return compare_profiles(profiles[key[0]], profiles[key[1]], frequencies)


def _name_of(profile: LeadProfile) -> str:
    return " ".join((*profile.name.given, *profile.name.surname)).title() or "a third lead"
