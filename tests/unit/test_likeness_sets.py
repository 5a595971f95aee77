"""Likeness on labelled files: at one threshold, the same for all, without their labels. And on pairs of names."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.likeness_sets import read_labelled_set, score_set
from services.workers.likeness.blocking_keys import blocking_keys
from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.lead_profile import make_profile
from services.workers.likeness.match_weights import MatchWeights
from services.workers.likeness.value_frequencies import ValueFrequencies

pytestmark = pytest.mark.unit

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
NAME_PAIRS = SAMPLES / "names" / "name_variations.json"
WORKSPACE_LEADS = 2_000

# What name alone cannot tell, or what this engine does not read (docs/internals/likeness.md).
UNKNOWN = {
    ("Müller", "Mueller"): "one name alone is too little",
    ("MacDonald", "McDonald"): "one name alone is too little",
    ("Maria Garcia (Acme)", "Maria Garcia (Initech)"): "people change companies",
    ("山田 太郎", "Taro Yamada"): "Chinese characters are not read",
}


@pytest.mark.parametrize(
    ("name", "least"),
    [("febrl_dataset1.csv", 0.99), ("dupehell_crm_contact_medium_5000_seed42.csv", 0.915)],
)
def test_f1_of_labelled_sets(name: str, least: float) -> None:
    path = SAMPLES / "dedupe" / name
    if not path.exists():
        pytest.skip("no samples")
    assert score_set(read_labelled_set(path)).f1 >= least


def name_pairs() -> list[dict[str, Any]]:
    return json.loads(NAME_PAIRS.read_text("utf-8"))["pairs"] if NAME_PAIRS.exists() else []


@pytest.mark.parametrize("pair", name_pairs(), ids=lambda pair: f"{pair['a']}/{pair['b']}")
def test_pairs_of_names(pair: dict[str, Any]) -> None:
    first, second = (make_profile(lead_of(pair[side])) for side in ("a", "b"))
    evidence = compare_profiles(first, second, ValueFrequencies(WORKSPACE_LEADS, {}))
    probability = MatchWeights().weigh(evidence, WORKSPACE_LEADS).probability
    if (pair["a"], pair["b"]) in UNKNOWN or pair["same_person"] is None:
        return
    assert (probability >= 0.5) == pair["same_person"]
    if pair["same_person"]:
        assert set(blocking_keys(first)) & set(blocking_keys(second))


def lead_of(name: str) -> dict[str, str]:
    bare, mark, company = name.removesuffix(")").partition(" (")
    is_company = mark and company in ("Acme", "Initech")
    return {"first_name": bare, "company": company} if is_company else {"first_name": name}
