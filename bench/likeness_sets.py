"""How well likeness finds known duplicates: precision, recall and F1 on labelled CSV files, in memory.

Keys with their cap, ranking, levels, weights and threshold are the engine's own. Only its tables are dicts.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from services.workers.likeness.blocking_keys import blocking_keys
from services.workers.likeness.candidate_ranking import KEY_CAP, rank_candidates
from services.workers.likeness.chance_levels import compare_random_pairs, learn_chances
from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.em_weights import learn_weights
from services.workers.likeness.evidence import Evidence
from services.workers.likeness.lead_comparison import MIN_OPEN_BITS, PairKey
from services.workers.likeness.lead_profile import LeadProfile, make_profile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.path_rule import add_paths
from services.workers.likeness.value_frequencies import ValueFrequencies, counted_hashes

LEAD_COLUMNS = {
    "first_name": ("first_name", "given_name"),
    "last_name": ("last_name", "surname"),
    "email": ("email",),
    "phone": ("phone",),
    "company": ("company", "company_name"),
}
CUSTOM_COLUMNS = ("street_number", "address_1", "address_2", "suburb", "postcode", "state", "date_of_birth")
RANDOM_PAIRS = 5_000
TRUTH_COLUMNS = ("master_id", "cluster_id", "rec_id")


class LabelledSet(NamedTuple):
    """Leads, and for each the person that it is."""

    leads: list[dict[str, Any]]
    persons: list[str]


class SetScore(NamedTuple):
    """What was found of the true pairs, from 0 to 1, at a probability of one half."""

    precision: float
    recall: float
    f1: float
    keys: float
    candidates: float


def read_labelled_set(path: Path) -> LabelledSet:
    """Read a CSV file. Raises KeyError if it has no column of persons (see `TRUTH_COLUMNS`)."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            {(key or "").strip(): (value or "").strip() for key, value in row.items()} for row in csv.DictReader(file)
        ]
    truth = next((column for column in TRUTH_COLUMNS if rows and column in rows[0]), TRUTH_COLUMNS[0])
    return LabelledSet([_lead_of(row) for row in rows], [_person_of(row[truth]) for row in rows])


def _person_of(label: str) -> str:
    """Return the person's part of a label such as `rec-223-dup-0`."""
    parts = label.split("-")
    return parts[1] if parts[0] == "rec" and len(parts) > 1 else label


def _lead_of(row: Mapping[str, str]) -> dict[str, Any]:
    lead: dict[str, Any] = {
        field: next((row[column] for column in columns if column in row), "") for field, columns in LEAD_COLUMNS.items()
    }
    return lead | {"custom_fields": {column: row[column] for column in CUSTOM_COLUMNS if row.get(column)}}


def score_set(labelled: LabelledSet) -> SetScore:
    """Learn weights without the labels, suggest pairs, and compare them with the labels."""
    index = MemoryIndex(labelled.leads)
    evidence = list(index.candidate_evidence())
    leads = len(labelled.leads)
    chances = learn_chances(compare_random_pairs(index.profiles, RANDOM_PAIRS, 0), leads)
    weights = learn_weights([found for _, found in evidence], leads, leads, chances)
    bits: dict[PairKey, float] = {}
    for key, found in evidence:
        bits[key] = max(weights.weigh(found, leads).bits, bits.get(key, MIN_OPEN_BITS - 1))
    suggested = {key for key, worth in bits.items() if worth >= MIN_OPEN_BITS}
    suggested |= add_paths(bits, lambda key: index.bits_of(key, weights)).keys()
    true = {pair for members in _members(labelled.persons).values() for pair in combinations(members, 2)}
    right = len(suggested & true)
    precision, recall = right / max(len(suggested), 1), right / max(len(true), 1)
    f1 = 2 * right / max(len(suggested) + len(true), 1)
    return SetScore(precision, recall, f1, sum(map(len, index.keys)) / max(leads, 1), len(evidence) / max(leads, 1))


def _members(persons: Sequence[str]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for place, person in enumerate(persons):
        members[person].append(place)
    return members


class MemoryIndex:
    """The engine's tables as dicts, filled with all leads. A lead's id is its place."""

    def __init__(self, leads: Sequence[Mapping[str, Any]]) -> None:
        self.profiles: list[LeadProfile] = [make_profile(lead) for lead in leads]
        self.keys = [blocking_keys(profile) for profile in self.profiles]
        self._hashes = [counted_hashes(profile) for profile in self.profiles]
        self._counts = Counter(hash_ for hashes in self._hashes for hash_ in hashes)
        self._sharers: dict[int, list[int]] = defaultdict(list)
        for lead_id, keys in enumerate(self.keys):
            for key in keys:
                self._sharers[key].append(lead_id)

    def candidate_evidence(self) -> Iterator[tuple[PairKey, list[Evidence]]]:
        """Yield the evidence of each lead with each of its candidates."""
        for lead_id, keys in enumerate(self.keys):
            sharers = {key: self._sharers[key] for key in keys if len(self._sharers[key]) <= KEY_CAP}
            for other in rank_candidates(sharers, lead_id, len(self.profiles)):
                yield (min(lead_id, other), max(lead_id, other)), self._evidence(lead_id, other)

    def bits_of(self, key: PairKey, weights: MatchWeights) -> float:
        return weights.weigh(self._evidence(*key), len(self.profiles)).bits

    def _evidence(self, lead_id: int, other: int) -> list[Evidence]:
        counts = {hash_: self._counts[hash_] for hash_ in self._hashes[lead_id]}
        frequencies = ValueFrequencies(len(self.profiles), counts)
        return compare_profiles(self.profiles[lead_id], self.profiles[other], frequencies)
