"""Operators of values, with CEL's types: an int and a double compare, but do not add up. Pure."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.expressions.expression_functions import UnfitValues, fits_integer
from shared.expressions.step_budget import StepBudget, values_are_equal


def is_number(value: Any) -> bool:
    """Return whether a value is an int or a double."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def negate(value: Any) -> Any:
    """Return `-value`. Raises UnfitValues."""
    if not is_number(value) or (isinstance(value, int) and not fits_integer(-value)):
        raise UnfitValues
    return -value


def _are_ordered(budget: StepBudget, first: Any, second: Any) -> tuple[Any, Any]:
    """Return two values that can be compared. Raises UnfitValues."""
    if is_number(first) and is_number(second):
        return first, second
    if isinstance(first, str) and isinstance(second, str):
        budget.spend_on_text(first)
        return first, second
    if isinstance(first, bool) and isinstance(second, bool):
        return first, second
    raise UnfitValues


def _less(budget: StepBudget, first: Any, second: Any) -> bool:
    left, right = _are_ordered(budget, first, second)
    return bool(left < right)


def _less_or_equal(budget: StepBudget, first: Any, second: Any) -> bool:
    left, right = _are_ordered(budget, first, second)
    return bool(left <= right)


def _is_in(budget: StepBudget, wanted: Any, values: Any) -> bool:
    if isinstance(values, dict):
        return isinstance(wanted, str) and wanted in values
    if not isinstance(values, list):
        raise UnfitValues
    return any(values_are_equal(wanted, value, budget) for value in values)


def _add(budget: StepBudget, first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        budget.expect_text(len(first) + len(second))
        return first + second
    if isinstance(first, list) and isinstance(second, list):
        budget.spend(len(first) + len(second))
        return first + second
    return _calculate(first, second, lambda: first + second)


def _divide(_: StepBudget, first: Any, second: Any) -> Any:
    if isinstance(first, float) and isinstance(second, float):
        if second == 0:
            return (
                math.nan
                if first == 0 or math.isnan(first)
                else math.copysign(math.inf, first) * math.copysign(1, second)
            )
        return first / second
    return _calculate(first, second, lambda: _towards_zero(first, second))


def _remainder(_: StepBudget, first: Any, second: Any) -> Any:
    if isinstance(first, float):
        raise UnfitValues
    return _calculate(first, second, lambda: first - second * _towards_zero(first, second))


def _towards_zero(first: int, second: int) -> int:
    if second == 0:
        raise UnfitValues
    whole = abs(first) // abs(second)
    return whole if (first < 0) == (second < 0) else -whole


def _calculate(first: Any, second: Any, work: Callable[[], Any]) -> Any:
    """Return the result of two numbers of one type. Raises UnfitValues for others, and beyond 64 bits."""
    if not is_number(first) or type(first) is not type(second):
        raise UnfitValues
    number = work()
    if isinstance(number, int) and not fits_integer(number):
        raise UnfitValues
    return number


VALUE_OPERATORS: Final[Mapping[str, Callable[[StepBudget, Any, Any], Any]]] = {
    "==": lambda budget, first, second: values_are_equal(first, second, budget),
    "!=": lambda budget, first, second: not values_are_equal(first, second, budget),
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda budget, first, second: _less(budget, second, first),
    ">=": lambda budget, first, second: _less_or_equal(budget, second, first),
    "in": _is_in,
    "+": _add,
    "-": lambda _, first, second: _calculate(first, second, lambda: first - second),
    "*": lambda _, first, second: _calculate(first, second, lambda: first * second),
    "/": _divide,
    "%": _remainder,
}
