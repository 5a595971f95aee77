"""What is observed at every request is counted as if each had been observed by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from shared.metrics import FAST, Gathered

pytestmark = pytest.mark.unit

seconds = st.one_of(st.sampled_from(FAST), st.floats(0, 20))


@given(st.lists(st.lists(seconds, max_size=5), max_size=3))
def test_what_is_handed_over_together_is_what_was_observed(rounds: list[list[float]]) -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    one_by_one, together = (Histogram("a", "b", buckets=FAST, registry=registry) for registry in registries)
    gathered = Gathered(together)
    for observed in rounds:
        for value in observed:
            one_by_one.observe(value)
            gathered.observe(value)
        gathered.hand_over()
    first, second = (generate_latest(registry).decode().splitlines() for registry in registries)
    assert [line for line in first if "_bucket" in line] == [line for line in second if "_bucket" in line]
    assert together._sum.get() == pytest.approx(one_by_one._sum.get())
