"""Conditions: validate them, and decide whether one matches a lead.

Numbers and numeric strings compare as numbers, text compares without case. A missing value (null, blank, empty) matches
only `is_empty`, `not_equals` and `not_contains`. A list such as `tags` matches if one of its members does:
`tags equals vip` and `tags contains vip` both mean that the lead has the tag.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal, NotRequired, Union

from pydantic import BeforeValidator, Field, PlainValidator, StringConstraints, TypeAdapter
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict

from shared.automations.fields import ReadableField, field_value
from shared.automations.union_errors import ErrorCollector, as_object, closed_object
from shared.platform.validation.messages import BAD_NUMBER_MESSAGE, custom_error
from shared.platform.validation.types import is_storable_number

MAX_CONDITION_DEPTH, MAX_CONDITION_PARTS = 10, 100  # nesting levels and parts of one condition
MAX_CONDITION_VALUE_LENGTH = 1000  # characters of a value

ConditionOperator = Literal[
    "equals",
    "not_equals",
    "contains",
    "not_contains",
    "is_empty",
    "is_not_empty",
    "greater_than",
    "less_than",
    "in",
]
OPERATORS_WITHOUT_VALUE = ("is_empty", "is_not_empty")  # operators that take no value
ORDER_OPERATORS = ("greater_than", "less_than")
CONDITION_GROUPS = ("all", "any", "not")
ENDLESS_NUMBER_MESSAGE = "The {field} field must be a number that ends, or text: NaN and Infinity are neither."
ScalarValue = str | int | float | bool


def _accept_any(value: Any) -> Any:
    """Accept any value; it is checked separately, since the errors of a union would name its members."""
    return value


@closed_object
class Comparison(TypedDict):
    field: ReadableField
    operator: ConditionOperator
    value: NotRequired[
        Annotated[Any, PlainValidator(_accept_any, json_schema_input_type=ScalarValue | list[ScalarValue] | None)]
    ]


@closed_object
class ValueComparison(TypedDict):
    """A comparison of a form's value, by the key of its field."""

    field: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]
    operator: ConditionOperator
    value: NotRequired[
        Annotated[Any, PlainValidator(_accept_any, json_schema_input_type=ScalarValue | list[ScalarValue] | None)]
    ]


@closed_object
class All(TypedDict):
    all: Annotated[list["Condition"], Field(min_length=1)]


@closed_object
class Any_(TypedDict):
    any: Annotated[list["Condition"], Field(min_length=1)]


Not = TypedDict("Not", {"not": "Condition"})  # a class body cannot declare a keyword as a member
closed_object(Not)


def _check_scalar(value: Any) -> Any:
    if not isinstance(value, ScalarValue) or (
        isinstance(value, str) and not 0 < len(value) <= MAX_CONDITION_VALUE_LENGTH
    ):
        raise custom_error(
            f"The {{field}} field must be text of 1 to {MAX_CONDITION_VALUE_LENGTH} characters, "
            "a number, true or false."
        )
    if isinstance(value, int | float) and not is_storable_number(value):
        raise custom_error(BAD_NUMBER_MESSAGE)
    return value


def _check_ordered(value: Any) -> Any:
    """Nothing is more or less than what only programs call a number, and nobody means it as text."""
    scalar = _check_scalar(value)
    if isinstance(scalar, str) and is_endless_number(scalar):
        raise custom_error(ENDLESS_NUMBER_MESSAGE)
    return scalar


def is_endless_number(text: str) -> bool:
    """Return whether a text is NaN, -Infinity or the like, or a number that is too large to be one."""
    try:
        return not isfinite(float(text))
    except ValueError:
        return False


_validate_comparison = TypeAdapter(Comparison).validate_python
_validate_value_comparison = TypeAdapter(ValueComparison).validate_python
_validate_scalar = TypeAdapter(Annotated[Any, BeforeValidator(_check_scalar)]).validate_python
_validate_ordered = TypeAdapter(Annotated[Any, BeforeValidator(_check_ordered)]).validate_python
_validate_scalars = TypeAdapter(
    Annotated[list[Annotated[Any, BeforeValidator(_check_scalar)]], Field(min_length=1, max_length=100)]
).validate_python


def _read_condition(value: Any) -> dict[str, Any]:
    return _ConditionReader(_validate_comparison).read_node(value, 1)


def _read_value_condition(value: Any) -> dict[str, Any]:
    return _ConditionReader(_validate_value_comparison).read_node(value, 1)


class _ConditionReader:
    """Validates one condition and counts its parts."""

    def __init__(self, validate_comparison: Callable[[Any], Any]) -> None:
        self._validate_comparison = validate_comparison
        self._part_count = 0

    def read_node(self, value: Any, level: int) -> dict[str, Any]:
        self._part_count += 1
        if level > MAX_CONDITION_DEPTH:
            raise custom_error(f"The {{field}} field is nested over {MAX_CONDITION_DEPTH} levels.")
        if self._part_count > MAX_CONDITION_PARTS:
            raise custom_error(
                f"The {{field}} field is past the {MAX_CONDITION_PARTS} parts that a condition may have."
            )
        group = [name for name in CONDITION_GROUPS if name in as_object(value)]
        return self._read_group(value, group[0], level) if group else self._read_comparison(value)

    def _read_group(self, value: dict[str, Any], name: str, level: int) -> dict[str, Any]:
        faults, inner = ErrorCollector(), value[name]
        for other in value.keys() - {name}:
            faults.add_error(PydanticKnownError("extra_forbidden"), other)
        if name == "not":
            faults.try_read(lambda one: self.read_node(one, level + 1), inner, name)
        elif not isinstance(inner, list):
            faults.add_error(PydanticKnownError("list_type"), name)
        elif not inner:
            faults.add_error(custom_error("The {field} field must have at least 1 items."), name)
        else:
            for index, one in enumerate(inner):
                faults.try_read(lambda one: self.read_node(one, level + 1), one, name, index)
        faults.raise_any()
        return value

    def _read_comparison(self, value: dict[str, Any]) -> dict[str, Any]:
        faults = ErrorCollector()
        faults.try_read(self._validate_comparison, value)
        operator = value.get("operator")
        if operator not in OPERATORS_WITHOUT_VALUE and value.get("value") is None:
            faults.add_error(PydanticKnownError("missing"), "value")
        elif operator not in OPERATORS_WITHOUT_VALUE:
            faults.try_read(_value_check(operator), value["value"], "value")
        faults.raise_any()
        return value


def _value_check(operator: Any) -> Callable[[Any], Any]:
    if operator == "in":
        return _validate_scalars
    return _validate_ordered if operator in ORDER_OPERATORS else _validate_scalar


AnyCondition = Union[Comparison, All, Any_, Not]  # noqa: UP007  # `|` does not accept forward references
Condition = Annotated[dict[str, Any], PlainValidator(_read_condition, json_schema_input_type=AnyCondition)]
# A condition over the values of a form, by the keys of its fields.
ValueCondition = Annotated[dict[str, Any], PlainValidator(_read_value_condition, json_schema_input_type=dict[str, Any])]


def find_comparisons(condition: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the comparisons of a condition that name a field. Takes unchecked conditions too."""
    if not isinstance(condition, Mapping):
        return
    for group in ("all", "any"):
        members = condition.get(group)
        for one in members if isinstance(members, list) else ():
            yield from find_comparisons(one)
    yield from find_comparisons(condition.get("not"))
    if isinstance(condition.get("field"), str):
        yield condition


def foreign_values(comparison: Mapping[str, Any], answers: Sequence[Any]) -> list[Any]:
    """Return what a comparison asks for and none of the possible answers meets.

    Takes unchecked comparisons too. Those of order ask for nothing.
    """
    operator, value = comparison.get("operator"), comparison.get("value")
    test = _OPERATOR_TESTS.get(_MEETING_OPERATORS.get(operator, "")) if isinstance(operator, str) else None
    wanted = value if isinstance(value, list) else [value]
    if test is None:
        return []
    return [one for one in wanted if isinstance(one, ScalarValue) and not any(test(answer, one) for answer in answers)]


def condition_matches(condition: Mapping[str, Any], lead: Mapping[str, Any]) -> bool:
    """Return whether a saved condition matches a lead, given as the API shows it, or the values of a form."""
    if "all" in condition:
        return all(condition_matches(one, lead) for one in condition["all"])
    if "any" in condition:
        return any(condition_matches(one, lead) for one in condition["any"])
    if "not" in condition:
        return not condition_matches(condition["not"], lead)
    return _OPERATOR_TESTS[condition["operator"]](field_value(lead, condition["field"]), condition.get("value"))


def is_empty(value: Any) -> bool:
    """Return whether a value is null, blank text, or an empty list or object. 0 and false are not empty."""
    return not value.strip() if isinstance(value, str) else value is None or value == [] or value == {}


_NUMBER_FULLMATCH = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?").fullmatch


def _as_number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    text = str(value).strip()
    return Decimal(text) if len(text) <= 100 and _NUMBER_FULLMATCH(text) else None


def _folded_text(value: Any) -> str:
    return str(value).strip().casefold()


def _compare_values(value: Any, other: Any) -> int:
    """Return -1, 0 or 1. Values compare as numbers if both are numeric, otherwise as text."""
    a, b = _as_number(value), _as_number(other)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    return (_folded_text(value) > _folded_text(other)) - (_folded_text(value) < _folded_text(other))


def _for_any_member(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Extend a test to missing values, which fail, and to lists, which pass if one member does."""

    def passes(value: Any, wanted: Any) -> bool:
        members = value if isinstance(value, list) else [value]
        return any(test(member, wanted) for member in members if not is_empty(member))

    return passes


def is_same_value(value: Any, wanted: Any) -> bool:
    """Return whether two values count as equal: numbers as numbers, texts without case."""
    return _compare_values(value, wanted) == 0


def _is_greater(value: Any, wanted: Any) -> bool:
    return _are_comparable(value, wanted) and _compare_values(value, wanted) > 0


def _is_less(value: Any, wanted: Any) -> bool:
    return _are_comparable(value, wanted) and _compare_values(value, wanted) < 0


def _are_comparable(value: Any, wanted: Any) -> bool:
    """Neither is more than the other where one is a number and the other is none."""
    return (_as_number(value) is None) == (_as_number(wanted) is None)


def _contains_value(value: Any, wanted: Any) -> bool:
    """Return whether a list has the value as a member, or a text contains it."""
    if isinstance(value, list):
        return _for_any_member(is_same_value)(value, wanted)
    return not is_empty(value) and _folded_text(wanted) in _folded_text(value)


_OPERATOR_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _for_any_member(is_same_value),
    "not_equals": lambda value, wanted: not _for_any_member(is_same_value)(value, wanted),
    "contains": _contains_value,
    "not_contains": lambda value, wanted: not _contains_value(value, wanted),
    "is_empty": lambda value, _: is_empty(value),
    "is_not_empty": lambda value, _: not is_empty(value),
    "greater_than": _for_any_member(_is_greater),
    "less_than": _for_any_member(_is_less),
    "in": lambda value, wanted: any(_for_any_member(is_same_value)(value, one) for one in wanted),
}
# By which operator an answer meets one value of a comparison.
_MEETING_OPERATORS = {
    **dict.fromkeys(("equals", "not_equals", "in"), "equals"),
    **dict.fromkeys(("contains", "not_contains"), "contains"),
}
