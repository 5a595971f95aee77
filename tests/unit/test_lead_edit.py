"""What an edit makes of a lead: custom fields key by key, and the identities of a contact."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads.duplicate_policy import describe_changes
from shared.leads.edit import ChangeCause, identity_keys_of, merge_custom_fields

pytestmark = pytest.mark.unit

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.integers(), st.text(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers())
)
KEYS = st.sampled_from(["a", "b", "c", "d", "a.b"])
CUSTOM = st.dictionaries(KEYS, VALUES)
SENT = st.dictionaries(KEYS, st.none() | VALUES)


@given(CUSTOM, SENT)
def test_custom_fields_are_merged_key_by_key(existing: dict[str, Any], sent: dict[str, Any]) -> None:
    merged = merge_custom_fields(existing, sent)
    for key in {*existing, *sent}:
        expected = sent.get(key) if key in sent else existing[key]
        assert merged.get(key) == expected
        assert (key in merged) == (expected is not None)
    assert merge_custom_fields(merged, sent) == merged


@given(CUSTOM, SENT)
def test_the_timeline_tells_the_way_there_and_back(existing: dict[str, Any], sent: dict[str, Any]) -> None:
    merged = merge_custom_fields(existing, sent)
    said = describe_changes({"custom_fields": existing}, {"custom_fields": merged})
    there, back = [
        {name.removeprefix("custom_fields."): change[end] for name, change in said.items()} for end in ("to", "from")
    ]
    assert merge_custom_fields(existing, there) == merged
    assert merge_custom_fields(merged, back) == existing


@given(CUSTOM)
def test_empty_custom_fields_change_nothing_and_null_removes_all(existing: dict[str, Any]) -> None:
    assert merge_custom_fields(existing, {}) == existing
    assert merge_custom_fields(existing, None) == {}


def test_a_gmail_address_may_identify_by_two_spellings() -> None:
    both = {(1, "email", "a.b+c@gmail.com"), (1, "email", "ab@gmail.com")}
    assert identity_keys_of(1, "email", "a.b+c@gmail.com") == both
    assert identity_keys_of(1, "email", "a.b@example.com") == {(1, "email", "a.b@example.com")}
    assert identity_keys_of(1, "phone", "+14155550100;ext=1") == {(1, "phone", "+14155550100;ext=1")}
    assert identity_keys_of(1, "phone", None) == set()


def test_a_cause_says_no_more_than_there_is() -> None:
    assert ChangeCause("api", 3).to_dict() == {"kind": "api", "id": 3}
    assert ChangeCause("automation", 3, 2, 9).to_dict() == {"kind": "automation", "id": 3, "depth": 2, "run": 9}
