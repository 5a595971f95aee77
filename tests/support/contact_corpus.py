"""The cases of `tests/corpora/contacts`, and how likely two names are of one person."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.workers.likeness.blocking_keys import blocking_keys
from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.lead_profile import make_profile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.value_frequencies import ValueFrequencies

CONTACT_CORPUS = Path(__file__).parents[1] / "corpora" / "contacts"
WORKSPACE_LEADS = 2_000


def contact_cases(name: str) -> list[Any]:
    """Return the cases of a file as parameters of a test, each under the text that it is about."""
    cases = json.loads((CONTACT_CORPUS / name).read_bytes())
    return [pytest.param(case, id=ascii(case.get("given", case.get("a")))) for case in cases]


def likeness_of(first: dict[str, str], second: dict[str, str]) -> tuple[float, bool]:
    """Return the probability that two leads are one person, and whether they are compared at all."""
    one, other = make_profile(first), make_profile(second)
    evidence = compare_profiles(one, other, ValueFrequencies(WORKSPACE_LEADS, {}))
    probability = MatchWeights().weigh(evidence, WORKSPACE_LEADS).probability
    return probability, bool(set(blocking_keys(one)) & set(blocking_keys(other)))
