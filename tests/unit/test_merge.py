"""What a duplicate may change on a lead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads.duplicate_policy import (
    PERSON_FIELDS,
    MergePolicy,
    append_notes,
    describe_changes,
    has_room_for_custom_fields,
    merge_duplicate,
)

pytestmark = pytest.mark.unit

EXISTING = {
    "first_name": "Ada",
    "last_name": "",
    "email": "ada@example.com",
    "phone": None,
    "company": "Engines",
    "status": "contacted",
    "custom_fields": {"budget": 10, "size": None, "seen": False},
}
SENT = {
    "first_name": "Augusta",
    "last_name": "Lovelace",
    "phone": "+12015550123",
    "company": " ",
    "status": "new",
    "source": "website",
    "starred": True,
    "pipeline_id": 3,
    "custom_fields": {"budget": 20, "size": "11-50", "seen": True, "extra": "x", "blank": ""},
}


def test_fill_empty_takes_only_what_was_missing() -> None:
    assert merge_duplicate(EXISTING, SENT, "fill_empty", older=False) == {
        "last_name": "Lovelace",
        "phone": "+12015550123",
        "custom_fields": {"budget": 10, "size": "11-50", "seen": False, "extra": "x"},
    }


def test_overwrite_takes_all_that_is_not_empty() -> None:
    assert merge_duplicate(EXISTING, SENT, "overwrite", older=False) == {
        "first_name": "Augusta",
        "last_name": "Lovelace",
        "phone": "+12015550123",
        "custom_fields": {"budget": 20, "size": "11-50", "seen": True, "extra": "x"},
    }


def test_a_change_of_type_is_a_change() -> None:
    changed = merge_duplicate({"custom_fields": {"a": 1}}, {"custom_fields": {"a": True}}, "overwrite", older=False)
    assert changed["custom_fields"]["a"] is True


@pytest.mark.parametrize(
    ("existing", "sent", "expected"),
    [
        (None, "second", "second"),
        ("", "second", "second"),
        (" \n", "second", "second"),
        ("first", "second", "first\n\nsecond"),
        ("same", "same", "same\n\nsame"),
    ],
)
def test_notes_are_appended(existing: str | None, sent: str, expected: str) -> None:
    assert append_notes(existing, sent) == expected


NUMBER, OTHER, EXTENDED = "+12015550123", "+12015550199", "+12015550123;ext=7"


@pytest.mark.parametrize(
    ("existing", "sent", "fill_empty", "overwrite"),
    [
        (None, "call me", "call me", "call me"),
        (NUMBER, "call me", None, None),
        (EXTENDED, "call me", None, None),
        ("call me", "ring me", None, None),
        ("call me", NUMBER, NUMBER, NUMBER),
        ("call me", EXTENDED, EXTENDED, EXTENDED),
        (NUMBER, OTHER, None, OTHER),
        ("+1 no number", NUMBER, NUMBER, NUMBER),
        (NUMBER, "+15551234", None, None),  # digits alone are no number either
        ("+999123456789", NUMBER, NUMBER, NUMBER),
        ("+1555123456789012", "+15551234", None, None),
        ("call me", None, None, None),
        (" ", "call me", "call me", "call me"),
        (NUMBER, " ", None, None),
    ],
)
def test_a_phone_that_nobody_can_read_gives_way_and_takes_no_place(
    existing: str | None, sent: str | None, fill_empty: str | None, overwrite: str | None
) -> None:
    for policy, after in (("fill_empty", fill_empty), ("overwrite", overwrite), ("keep", None)):
        changed = merge_duplicate({"phone": existing}, {"phone": sent} if sent else {}, policy, older=False)  # type: ignore[arg-type]
        assert changed == ({"phone": after} if after else {})


@pytest.mark.parametrize(
    ("existing", "keys", "each", "has"),
    [
        ({}, 21, 100, True),
        ({}, 1, 250_000, True),
        ({}, 1, 270_000, False),
        ({}, 20, 100_000, False),
        ({}, 200, 1_400, False),
        ({f"k{number}": "x" * 2_000 for number in range(200)}, 200, 1_400, True),  # less than before
    ],
)
def test_a_lead_has_room_for_so_many_custom_fields(existing: dict[str, Any], keys: int, each: int, has: bool) -> None:
    assert has_room_for_custom_fields(existing, {f"k{number}": "x" * each for number in range(keys)}) is has


def test_changes_are_told_key_by_key() -> None:
    changed = {"first_name": "Augusta", "company": "Engines", "custom_fields": {"budget": 20, "size": None, "new": "x"}}
    assert describe_changes(EXISTING, changed) == {
        "first_name": {"from": "Ada", "to": "Augusta"},
        "custom_fields.budget": {"from": 10, "to": 20},
        "custom_fields.seen": {"from": False, "to": None},
        "custom_fields.new": {"from": None, "to": "x"},
    }


VALUES = st.sampled_from([None, "", " ", "a", "b"])
CUSTOM = st.dictionaries(st.sampled_from("wxyz"), VALUES | st.sampled_from([0, 1, False, True, [], [1], {}, {"k": 1}]))
# One that nobody can read is a case of its own.
PHONES = st.sampled_from([None, "", " ", "+12015550123", "+12015550199"])
ORDINARY_FIELDS = [name for name in PERSON_FIELDS if name != "email_as_given"]
LEADS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys([*ORDINARY_FIELDS, "status", "source", "starred"], VALUES)
    | {"phone": PHONES, "custom_fields": CUSTOM | st.none()},
)
POLICIES: st.SearchStrategy[MergePolicy] = st.sampled_from(["fill_empty", "overwrite", "keep"])
Lead = dict[str, Any]


def is_empty(value: Any) -> bool:
    return value in (None, "", " ") or value == [] or value == {}


def leaves(lead: Lead) -> Lead:
    fields = {name: lead.get(name) for name in PERSON_FIELDS}
    return fields | {f"custom.{key}": value for key, value in (lead.get("custom_fields") or {}).items()}


@given(LEADS, LEADS, POLICIES, st.booleans())
def test_merge_clears_no_field_and_changes_only_those_its_policy_names(
    old: Lead, sent: Lead, policy: MergePolicy, older: bool
) -> None:
    changed = merge_duplicate(old, sent, policy, older=older)
    assert set(changed) <= {*PERSON_FIELDS, "custom_fields"} & set(sent)
    before, after, offered = leaves(old), leaves(old | changed), leaves(sent)
    for name, value in after.items():
        assert repr(value) in (repr(before.get(name)), repr(offered.get(name)))
        assert is_empty(before.get(name)) or not is_empty(value)


@given(LEADS, LEADS, st.booleans())
def test_fill_empty_never_changes_what_is_there(old: Lead, sent: Lead, older: bool) -> None:
    after = leaves(old | merge_duplicate(old, sent, "fill_empty", older=older))
    for name, value in leaves(old).items():
        assert is_empty(value) or repr(after[name]) == repr(value)


@given(LEADS, LEADS)
def test_overwrite_takes_every_value_that_was_sent(old: Lead, sent: Lead) -> None:
    after = leaves(old | merge_duplicate(old, sent, "overwrite", older=False))
    for name, value in leaves(sent).items():
        assert is_empty(value) or repr(after[name]) == repr(value)


@given(LEADS, LEADS, VALUES, VALUES, POLICIES)
def test_lead_with_an_email_has_no_text_in_its_place(
    old: Lead, sent: Lead, held: Any, given_text: Any, policy: MergePolicy
) -> None:
    old = {**old, "email_as_given": held if is_empty(old.get("email")) else None}
    after = old | merge_duplicate(old, {**sent, "email_as_given": given_text}, policy, older=False)
    assert is_empty(after.get("email")) or is_empty(after["email_as_given"])


@given(LEADS, LEADS)
def test_an_older_submission_only_fills_gaps(old: Lead, sent: Lead) -> None:
    assert merge_duplicate(old, sent, "overwrite", older=True) == merge_duplicate(old, sent, "fill_empty", older=False)
    assert merge_duplicate(old, sent, "keep", older=False) == {}


@given(LEADS, LEADS, POLICIES, st.booleans())
def test_a_second_merge_changes_nothing(old: Lead, sent: Lead, policy: MergePolicy, older: bool) -> None:
    changed = merge_duplicate(old, sent, policy, older=older)
    assert merge_duplicate(old | changed, sent, policy, older=older) == {}
    assert describe_changes(old | changed, changed) == {}
    assert bool(describe_changes(old, changed)) == bool(changed)
