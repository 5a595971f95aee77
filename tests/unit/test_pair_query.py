"""Addresses of the duplicates' pages: the filter with its default, the walk through all, the leads of a group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.duplicates.query import (
    group_text,
    kept_filters,
    position_text,
    read_group,
    read_pair_filter,
    read_position,
    walk_parameters,
)
from shared.likeness.pair_list import PairFilter, PairPosition
from shared.platform.web.path_params import MAX_ID

pytestmark = pytest.mark.unit

IDS = st.integers(1, MAX_ID)


@pytest.mark.parametrize(
    ("score", "default", "shown"),
    [
        (None, None, None),
        (None, 0.9, 0.9),
        ("", 0.9, 0.9),
        ("nan", 0.9, 0.9),
        ("2", None, None),
        ("0", None, None),
        ("0", 0.9, 0.0),
        ("0.6", 0.9, 0.6),
    ],
)
def test_score_of_an_address(score: str | None, default: float | None, shown: float | None) -> None:
    query = {} if score is None else {"min_score": score}
    assert read_pair_filter(query, default) == PairFilter("open", shown, None)


@given(
    st.sampled_from(("open", "dismissed", "merged")),
    st.sampled_from((None, 0.0, 0.6, 0.9)),
    st.none() | IDS,
    st.sampled_from((None, 0.9)),
)
def test_kept_filters_are_read_as_they_were(
    state: str, score: float | None, lead: int | None, default: float | None
) -> None:
    read = read_pair_filter({"state": state, "min_score": str(score), "lead_id": str(lead)}, default)
    kept = {name: str(value) for name, value in kept_filters(read, default).items() if value is not None}
    assert read_pair_filter(kept, default) == read


@given(st.lists(IDS, max_size=18))
def test_a_group_is_read_as_it_was_written(lead_ids: list[int]) -> None:
    assert read_group({"group": group_text(lead_ids) or ""}) == lead_ids


@given(st.text())
def test_any_text_is_read_as_a_group_of_at_most_18_leads(text: str) -> None:
    found = read_group({"group": text})
    assert len(found) <= 18
    assert all(0 < id_ <= MAX_ID for id_ in found)


def test_a_walk_goes_on_from_the_pair_it_began_with() -> None:
    pair = {"bits": 7.25, "id": 12}
    kept = walk_parameters({"walk": "1", "min_score": "0.8", "state": "merged"}, pair)
    assert kept == {"walk": position_text(pair), "min_score": "0.8"}
    assert read_position(kept["walk"]) == PairPosition(7.25, 12)
    assert walk_parameters(kept, {"bits": 1.0, "id": 99}) == kept
    assert walk_parameters({"walk": "1"}, None) == {"walk": None}
    assert walk_parameters({}, pair) == {}
