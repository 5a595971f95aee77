"""Likeness on labelled files: at one threshold, the same for all, without their labels. And on pairs of names."""

from typing import Any

import pytest

from bench.likeness_sets import read_labelled_set, score_set
from tests.support.contact_corpus import likeness_of
from tests.support.wider_samples import SAMPLES, cases_or_skip, needs_samples, sample_json

pytestmark = pytest.mark.unit

# What name alone cannot tell, or what this engine does not read (docs/internals/likeness.md).
UNKNOWN = {
    ("Müller", "Mueller"): "one name alone is too little",
    ("MacDonald", "McDonald"): "one name alone is too little",
    ("Maria Garcia (Acme)", "Maria Garcia (Initech)"): "people change companies",
    ("山田 太郎", "Taro Yamada"): "Chinese characters are not read",
}


@needs_samples
@pytest.mark.parametrize(
    ("name", "least"),
    [("febrl_dataset1.csv", 0.99), ("dupehell_crm_contact_medium_5000_seed42.csv", 0.915)],
)
def test_f1_of_labelled_sets(name: str, least: float) -> None:
    assert score_set(read_labelled_set(SAMPLES / "dedupe" / name)).f1 >= least


def name_pairs() -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = sample_json("names/name_variations.json").get("pairs", [])
    return pairs


@pytest.mark.parametrize("pair", cases_or_skip(name_pairs()), ids=lambda pair: f"{pair['a']}/{pair['b']}")
def test_pairs_of_names(pair: dict[str, Any]) -> None:
    probability, is_compared = likeness_of(lead_of(pair["a"]), lead_of(pair["b"]))
    if (pair["a"], pair["b"]) in UNKNOWN or pair["same_person"] is None:
        return
    assert (probability >= 0.5) == pair["same_person"]
    assert is_compared or not pair["same_person"]


def lead_of(name: str) -> dict[str, str]:
    bare, mark, company = name.removesuffix(")").partition(" (")
    is_company = mark and company in ("Acme", "Initech")
    return {"first_name": bare, "company": company} if is_company else {"first_name": name}
