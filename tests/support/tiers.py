"""Choose what of a table of cases belongs to the landing tier."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest


def first_in_tier(*cases: Any, ids: Iterable[str] | None = None) -> list[Any]:
    """The cases for `parametrize`: the first one is in the landing tier, the others are extended."""
    names = list(ids) if ids is not None else [None] * len(cases)
    return [
        pytest.param(case, marks=[pytest.mark.extended] if index else [], id=name)
        for index, (case, name) in enumerate(zip(cases, names, strict=True))
    ]


def every_nth_in_tier(n: int, cases: Sequence[Any]) -> list[Any]:
    """The cases for `parametrize`: each `n`th is in the landing tier, with the first; the others are extended."""
    return [pytest.param(case, marks=[pytest.mark.extended] if index % n else []) for index, case in enumerate(cases)]
