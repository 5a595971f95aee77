"""Conditions: validate them, and decide whether one matches a lead.

Numbers and numeric strings compare as numbers, text compares without case. A missing value (null, blank, empty) matches
only `is_empty`, `not_equals` and `not_contains`. A list such as `tags` matches if one of its members does:
`tags equals vip` and `tags contains vip` both mean that the lead has the tag.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Union

from pydantic import BeforeValidator, Field, PlainValidator, TypeAdapter
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict

from shared.automations.checks import Faults, as_object, closed
from shared.automations.fields import ReadableField, value_of
from shared.validation import said

DEEPEST, MOST = 10, 100  # nesting levels and parts of one condition
LONGEST = 1000  # characters of a value

Operator = Literal[
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
ALONE = ("is_empty", "is_not_empty")  # operators that take no value
GROUPS = ("all", "any", "not")
Scalar = str | int | float | bool


def _as_is(value: Any) -> Any:
    """Accept any value; it is checked separately, since the errors of a union would name its members."""
    return value


@closed
class Comparison(TypedDict):
    field: ReadableField
    operator: Operator
    value: NotRequired[Annotated[Any, PlainValidator(_as_is, json_schema_input_type=Scalar | list[Scalar] | None)]]


@closed
class All(TypedDict):
    all: Annotated[list["Condition"], Field(min_length=1)]


@closed
class Any_(TypedDict):
    any: Annotated[list["Condition"], Field(min_length=1)]


Not = TypedDict("Not", {"not": "Condition"})  # a class body cannot declare a keyword as a member
closed(Not)


def _scalar(value: Any) -> Any:
    if not isinstance(value, Scalar) or (isinstance(value, str) and not 0 < len(value) <= LONGEST):
        raise said(f"The {{field}} field must be text of 1 to {LONGEST} characters, a number, true or false.")
    return value


_comparison = TypeAdapter(Comparison).validate_python
_one = TypeAdapter(Annotated[Any, BeforeValidator(_scalar)]).validate_python
_many = TypeAdapter(
    Annotated[list[Annotated[Any, BeforeValidator(_scalar)]], Field(min_length=1, max_length=100)]
).validate_python


def _read(value: Any) -> dict[str, Any]:
    return _Reader().read(value, 1)


class _Reader:
    """Validates one condition and counts its parts."""

    def __init__(self) -> None:
        self._parts = 0

    def read(self, value: Any, level: int) -> dict[str, Any]:
        self._parts += 1
        if level > DEEPEST:
            raise said(f"The {{field}} field is nested over {DEEPEST} levels.")
        if self._parts > MOST:
            raise said(f"The {{field}} field is past the {MOST} parts that a condition may have.")
        group = [name for name in GROUPS if name in as_object(value)]
        return self._group(value, group[0], level) if group else self._leaf(value)

    def _group(self, value: dict[str, Any], name: str, level: int) -> dict[str, Any]:
        faults, inner = Faults(), value[name]
        for other in value.keys() - {name}:
            faults.add(PydanticKnownError("extra_forbidden"), other)
        if name == "not":
            faults.take(lambda one: self.read(one, level + 1), inner, name)
        elif not isinstance(inner, list):
            faults.add(PydanticKnownError("list_type"), name)
        elif not inner:
            faults.add(said("The {field} field must have at least 1 items."), name)
        else:
            for index, one in enumerate(inner):
                faults.take(lambda one: self.read(one, level + 1), one, name, index)
        faults.raise_any()
        return value

    def _leaf(self, value: dict[str, Any]) -> dict[str, Any]:
        faults = Faults()
        faults.take(_comparison, value)
        operator = value.get("operator")
        if operator not in ALONE and value.get("value") is None:
            faults.add(PydanticKnownError("missing"), "value")
        elif operator not in ALONE:
            faults.take(_many if operator == "in" else _one, value["value"], "value")
        faults.raise_any()
        return value


AnyCondition = Union[Comparison, All, Any_, Not]  # noqa: UP007  # `|` does not accept forward references
Condition = Annotated[dict[str, Any], PlainValidator(_read, json_schema_input_type=AnyCondition)]


def fits(condition: Mapping[str, Any], lead: Mapping[str, Any]) -> bool:
    """Return whether a saved condition matches a lead, given as the API shows it."""
    if "all" in condition:
        return all(fits(one, lead) for one in condition["all"])
    if "any" in condition:
        return any(fits(one, lead) for one in condition["any"])
    if "not" in condition:
        return not fits(condition["not"], lead)
    return _OPERATORS[condition["operator"]](value_of(lead, condition["field"]), condition.get("value"))


def is_empty(value: Any) -> bool:
    """Return whether a value is null, blank text, or an empty list or object. 0 and false are not empty."""
    return not value.strip() if isinstance(value, str) else value is None or value == [] or value == {}


_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?").fullmatch


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    text = str(value).strip()
    return Decimal(text) if len(text) <= 100 and _NUMBER(text) else None


def _text(value: Any) -> str:
    return str(value).strip().casefold()


def _compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1. Values compare as numbers if both are numeric, otherwise as text."""
    a, b = _number(left), _number(right)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    return (_text(left) > _text(right)) - (_text(left) < _text(right))


def _some(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Extend a test to missing values, which fail, and to lists, which pass if one member does."""

    def passes(value: Any, wanted: Any) -> bool:
        members = value if isinstance(value, list) else [value]
        return any(test(member, wanted) for member in members if not is_empty(member))

    return passes


def _equals(value: Any, wanted: Any) -> bool:
    return _compare(value, wanted) == 0


def _above(value: Any, wanted: Any) -> bool:
    return _comparable(value, wanted) and _compare(value, wanted) > 0


def _below(value: Any, wanted: Any) -> bool:
    return _comparable(value, wanted) and _compare(value, wanted) < 0


def _comparable(value: Any, wanted: Any) -> bool:
    """Neither is more than the other where one is a number and the other is none."""
    return (_number(value) is None) == (_number(wanted) is None)


def _contains(value: Any, wanted: Any) -> bool:
    """Return whether a list has the value as a member, or a text contains it."""
    if isinstance(value, list):
        return _some(_equals)(value, wanted)
    return not is_empty(value) and _text(wanted) in _text(value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _some(_equals),
    "not_equals": lambda value, wanted: not _some(_equals)(value, wanted),
    "contains": _contains,
    "not_contains": lambda value, wanted: not _contains(value, wanted),
    "is_empty": lambda value, _: is_empty(value),
    "is_not_empty": lambda value, _: not is_empty(value),
    "greater_than": _some(_above),
    "less_than": _some(_below),
    "in": lambda value, wanted: any(_some(_equals)(value, one) for one in wanted),
}
