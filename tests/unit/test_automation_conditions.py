"""What a condition of an automation means."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.automations.conditions import ENDLESS_NUMBER_MESSAGE, Condition, condition_matches
from shared.platform.validation.messages import messages_by_field

OPPOSITES = [("equals", "not_equals"), ("contains", "not_contains"), ("is_empty", "is_not_empty")]
LEAD: dict[str, Any] = {
    "first_name": "Ada",
    "company": None,
    "notes": "  ",
    "lead_score": 10,
    "starred": True,
    "tags": ["VIP", "newsletter"],
    "custom_fields": {"budget": "10000", "zero": 0, "none": None, "list": []},
}

values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
scalars = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(min_size=1, max_size=20))


def is_(field: str, operator: str, value: Any = None) -> bool:
    return condition_matches({"field": field, "operator": operator, "value": value}, LEAD)


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("first_name", "equals", "ADA"),
        ("first_name", "contains", "D"),
        ("first_name", "in", ["bob", "ada"]),
        ("first_name", "less_than", "bob"),
        ("lead_score", "equals", "10.0"),
        ("lead_score", "in", [9, "10"]),
        ("lead_score", "greater_than", "9"),
        ("starred", "equals", True),
        ("starred", "equals", "true"),
        ("custom_fields.budget", "greater_than", 9000),
        ("custom_fields.budget", "less_than", "20000"),
        ("custom_fields.zero", "is_not_empty", None),
        ("custom_fields.zero", "equals", 0),
        ("tags", "contains", "vip"),
        ("tags", "equals", "vip"),
        ("tags", "in", ["x", "Newsletter"]),
        ("tags", "not_contains", "news"),
        ("company", "is_empty", None),
        ("company", "not_equals", "Acme"),
        ("company", "not_contains", "Acme"),
        ("notes", "is_empty", None),
        ("custom_fields.none", "is_empty", None),
        ("custom_fields.list", "is_empty", None),
        ("custom_fields.missing", "is_empty", None),
    ],
)
def test_condition_matches_by_operator(field: str, operator: str, value: Any) -> None:
    assert is_(field, operator, value)


@pytest.mark.parametrize("operator", ["equals", "contains", "greater_than", "less_than", "in", "is_not_empty"])
@pytest.mark.parametrize("field", ["company", "notes", "custom_fields.missing", "custom_fields.list"])
def test_a_missing_value_fits_nothing_else(field: str, operator: str) -> None:
    assert not is_(field, operator, [""] if operator == "in" else "")


@pytest.mark.parametrize("operator", ["greater_than", "less_than"])
def test_numbers_and_words_are_not_ordered(operator: str) -> None:
    assert not is_("lead_score", operator, "many")
    assert not is_("first_name", operator, 5)


@given(value=values, wanted=scalars)
@pytest.mark.parametrize(("operator", "opposite"), OPPOSITES)
def test_opposites_never_agree(operator: str, opposite: str, value: Any, wanted: Any) -> None:
    lead = {"custom_fields": {"x": value}}
    found = [
        condition_matches({"field": "custom_fields.x", "operator": one, "value": wanted}, lead)
        for one in (operator, opposite)
    ]
    assert sorted(found) == [False, True]


@given(value=values, wanted=scalars)
def test_at_most_one_of_below_equal_above(value: Any, wanted: Any) -> None:
    lead = {"custom_fields": {"x": value}}
    names = ("less_than", "equals", "greater_than")
    found = [condition_matches({"field": "custom_fields.x", "operator": one, "value": wanted}, lead) for one in names]
    assert sum(found) <= 1


@given(number=st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=3)))
def test_a_numeric_string_is_its_number(number: Any) -> None:
    lead = {"custom_fields": {"x": str(number)}}
    assert condition_matches({"field": "custom_fields.x", "operator": "equals", "value": number}, lead)


@given(st.lists(st.booleans(), min_size=1))
def test_groups_are_logic(truths: list[bool]) -> None:
    parts = [{"field": "first_name", "operator": "equals", "value": "ada" if true else "eve"} for true in truths]
    assert condition_matches({"all": parts}, LEAD) is all(truths)
    assert condition_matches({"any": parts}, LEAD) is any(truths)
    assert condition_matches({"not": {"all": parts}}, LEAD) is not all(truths)


@pytest.mark.parametrize("value", ["NaN", " nan", "+Infinity", "-inf", "1e999", "9" * 400])
def test_nothing_is_more_or_less_than_no_number(value: str) -> None:
    check = TypeAdapter(Condition).validate_python
    for operator in ("greater_than", "less_than"):
        with pytest.raises(ValidationError) as refused:
            check({"field": "first_name", "operator": operator, "value": value})
        assert messages_by_field(refused.value) == {"value": [ENDLESS_NUMBER_MESSAGE.format(field="value")]}
    assert check({"field": "first_name", "operator": "equals", "value": value})["value"] == value
    assert check({"field": "first_name", "operator": "less_than", "value": "Nancy"})["value"] == "Nancy"
