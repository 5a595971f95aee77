"""Changes to payloads: what they make of any JSON, and the differences that are listed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.intake.payload_changes import (
    UnchangeablePayload,
    apply_changes,
    changed_payload,
    checked_payload,
    list_differences,
    replace_payload,
    validate_changes,
)

pytestmark = pytest.mark.unit

NAMES = st.sampled_from(["a", "b", "email", "custom_fields", "ä"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "true", "1"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3))
PAYLOADS = st.dictionaries(NAMES, VALUES, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
CHANGES: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({"op": st.just("set"), "field": PATHS, "value": VALUES}),
    st.fixed_dictionaries({"op": st.just("drop"), "field": PATHS}),
    st.fixed_dictionaries(
        {"op": st.just("map"), "field": PATHS, "values": st.dictionaries(st.sampled_from(["a", "true", "1"]), SCALARS)}
    ),
)


def value_at(payload: Any, path: str) -> Any:
    for name in path.split("."):
        payload = payload[name]
    return payload


def patched(before: Any, differences: list[Any]) -> Any:
    """The payload that the differences lead to."""
    for each in differences:
        change = {"op": "drop" if each["op"] == "removed" else "set", "field": each["field"], "value": each["after"]}
        before = apply_changes(before, [change])  # type: ignore[list-item]
    return before


@given(PAYLOADS, st.lists(CHANGES, max_size=4))
def test_changes_leave_the_payload_alone_and_are_listed_in_full(payload: Any, changes: Any) -> None:
    kept = repr(payload)
    try:
        after = apply_changes(payload, changes)
    except UnchangeablePayload:
        assert repr(payload) == kept
        return
    assert repr(payload) == kept
    differences = list_differences(payload, after)
    assert patched(payload, differences) == after
    assert (differences == []) == (repr(sorted_deep(payload)) == repr(sorted_deep(after)))


def sorted_deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted_deep(value[name]) for name in sorted(value)}
    return value


@given(PAYLOADS, PATHS, VALUES)
def test_a_set_field_is_there_and_a_dropped_one_is_not(payload: Any, path: str, value: Any) -> None:
    try:
        after = apply_changes(payload, [{"op": "set", "field": path, "value": value}])
    except UnchangeablePayload:
        return
    assert value_at(after, path) == value
    dropped = apply_changes(after, [{"op": "drop", "field": path}])
    with pytest.raises(KeyError):
        value_at(dropped, path)


@given(PAYLOADS, CHANGES)
def test_changes_are_idempotent_but_for_maps(payload: Any, change: Any) -> None:
    if change["op"] == "map":
        return
    try:
        once = apply_changes(payload, [change])
    except UnchangeablePayload:
        return
    assert apply_changes(once, [change]) == once


@pytest.mark.parametrize(
    ("value", "becomes"), [("old", "new"), (1, "one"), (True, "yes"), (None, None), ("other", "other"), ([1], [1])]
)
def test_values_are_mapped_by_their_spelling(value: Any, becomes: Any) -> None:
    values = {"old": "new", "1": "one", "true": "yes", "": "empty?"}
    change: Any = {"op": "map", "field": "a", "values": {name: each for name, each in values.items() if name}}
    assert apply_changes({"a": value}, [change]) == {"a": becomes}
    assert apply_changes({}, [change]) == {}


def test_a_changed_payload_has_to_be_a_lead() -> None:
    with pytest.raises(UnchangeablePayload, match="email"):
        changed_payload({"email": "a@example.com"}, [{"op": "set", "field": "email", "value": "nobody"}])
    with pytest.raises(UnchangeablePayload, match="no JSON object"):
        changed_payload([], [{"op": "drop", "field": "a"}])
    with pytest.raises(UnchangeablePayload, match="email holds a value"):
        changed_payload({"email": "a@example.com"}, [{"op": "set", "field": "email.x", "value": 1}])


def test_the_part_of_a_form_stays_as_it_came() -> None:
    form = {"id": 7, "values": {"name": "Ada"}}
    replaced = replace_payload({"email": "a@example.com", "_form": form}, {"first_name": "Ada", "_form": 1})
    assert replaced == {"first_name": "Ada", "_form": form}
    assert checked_payload(replaced) == (replaced, {})  # a form needs no email
    assert checked_payload({"first_name": "Ada"})[1].keys() == {"email"}
    assert validate_changes([{"op": "drop", "field": "_form.id"}]).keys() == {"changes.0.field"}
