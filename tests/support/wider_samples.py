"""The samples outside the repository: a second corpus, wider than `tests/corpora/`, that few machines have."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
NO_SAMPLES = "the wider corpus of samples is not here"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason=NO_SAMPLES)


def sample_json(name: str) -> Any:
    """Return the JSON of a file of the samples, or an empty object where it is missing."""
    path = SAMPLES / name
    return json.loads(path.read_bytes()) if path.exists() else {}


def cases_or_skip(cases: Sequence[Any], n_arguments: int = 1) -> list[Any]:
    """Return the cases of a parametrized test; where there are none, one that is skipped and says why."""
    missing = pytest.param(*[None] * n_arguments, id="missing", marks=pytest.mark.skip(reason=NO_SAMPLES))
    return list(cases) or [missing]
