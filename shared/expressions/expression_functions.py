"""The functions and methods that an expression may call. Pure.

There are no regular expressions: those of Python may take forever. A function raises `UnfitValues` for values that it
is not made for.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from shared.expressions.expression_tokens import MAX_INTEGER
from shared.expressions.step_budget import StepBudget

INTEGER_PATTERN: Final = re.compile(r"-?[0-9]{1,19}")
NUMBER_PATTERN: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
LOWER_ASCII: Final = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})
UPPER_ASCII: Final = str.maketrans({chr(code): chr(code - 32) for code in range(97, 123)})


class UnfitValues(Exception):
    """The values are not of the types that a function or an operator is made for."""


class ExpressionFunction(NamedTuple):
    """A function: what it does with values and a budget, and with how many values. A method's receiver is one."""

    call: Callable[..., Any]
    counts: tuple[int, ...]


def fits_integer(number: int) -> bool:
    """Return whether a number is one of 64 bits."""
    return -MAX_INTEGER - 1 <= number <= MAX_INTEGER


def text_of(value: Any) -> str:
    """Return a value as `string()` writes it. Raises UnfitValues for null, lists and maps."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int | str):
        return str(value)
    raise UnfitValues


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitValues
    return value


def _place(value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise UnfitValues
    return value


def _size(_: StepBudget, value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise UnfitValues
    return len(value)


def _string(budget: StepBudget, value: Any) -> str:
    text = text_of(value)
    budget.spend_on_text(text)
    return text


def _int(_: StepBudget, value: Any) -> int:
    is_number = isinstance(value, float) and math.isfinite(value)
    if is_number or (isinstance(value, str) and INTEGER_PATTERN.fullmatch(value)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not fits_integer(value):
        raise UnfitValues
    return value


def _double(_: StepBudget, value: Any) -> float:
    if isinstance(value, str) and NUMBER_PATTERN.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitValues
    return float(value)


def _bool(_: StepBudget, value: Any) -> bool:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise UnfitValues
    return value


def _dyn(_: StepBudget, value: Any) -> Any:
    return value


def _contains(budget: StepBudget, text: Any, part: Any) -> bool:
    budget.spend_on_text(_text(text), _text(part))
    return part in text


def _starts_with(budget: StepBudget, text: Any, part: Any) -> bool:
    budget.spend_on_text(_text(part))
    return _text(text).startswith(part)


def _ends_with(budget: StepBudget, text: Any, part: Any) -> bool:
    budget.spend_on_text(_text(part))
    return _text(text).endswith(part)


def _lower_ascii(budget: StepBudget, text: Any) -> str:
    budget.expect_text(len(_text(text)))
    return str(text.translate(LOWER_ASCII))


def _upper_ascii(budget: StepBudget, text: Any) -> str:
    budget.expect_text(len(_text(text)))
    return str(text.translate(UPPER_ASCII))


def _trim(budget: StepBudget, text: Any) -> str:
    budget.expect_text(len(_text(text)))
    return str(text.strip())


def _replace(budget: StepBudget, text: Any, old: Any, new: Any) -> str:
    budget.spend_on_text(_text(text), _text(old), _text(new))
    budget.expect_text(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return str(text.replace(old, new))


def _split(budget: StepBudget, text: Any, separator: Any) -> list[str]:
    budget.spend_on_text(_text(text), _text(separator))
    if not separator:
        budget.spend(len(text))
        return list(text)
    budget.spend(text.count(separator))
    return list(text.split(separator))


def _substring(budget: StepBudget, text: Any, start: Any, end: Any = None) -> str:
    last = len(_text(text)) if end is None else _place(end, len(text))
    first = _place(start, last)
    budget.expect_text(last - first)
    return str(text[first:last])


def _index_of(budget: StepBudget, text: Any, part: Any) -> int:
    budget.spend_on_text(_text(text), _text(part))
    return int(text.find(part))


def _join(budget: StepBudget, parts: Any, separator: Any = "") -> str:
    if not isinstance(parts, list):
        raise UnfitValues
    budget.spend(len(parts))
    budget.expect_text(sum(len(_text(part)) for part in parts) + len(_text(separator)) * max(len(parts) - 1, 0))
    return str(separator.join(parts))


PLAIN_FUNCTIONS: Final[Mapping[str, ExpressionFunction]] = {
    "size": ExpressionFunction(_size, (1,)),
    "string": ExpressionFunction(_string, (1,)),
    "int": ExpressionFunction(_int, (1,)),
    "double": ExpressionFunction(_double, (1,)),
    "bool": ExpressionFunction(_bool, (1,)),
    "dyn": ExpressionFunction(_dyn, (1,)),
    "has": ExpressionFunction(_dyn, (1,)),  # the parser makes a node of its own of it
}
VALUE_METHODS: Final[Mapping[str, ExpressionFunction]] = {
    "size": ExpressionFunction(_size, (1,)),
    "contains": ExpressionFunction(_contains, (2,)),
    "startsWith": ExpressionFunction(_starts_with, (2,)),
    "endsWith": ExpressionFunction(_ends_with, (2,)),
    "lowerAscii": ExpressionFunction(_lower_ascii, (1,)),
    "upperAscii": ExpressionFunction(_upper_ascii, (1,)),
    "trim": ExpressionFunction(_trim, (1,)),
    "replace": ExpressionFunction(_replace, (3,)),
    "split": ExpressionFunction(_split, (2,)),
    "substring": ExpressionFunction(_substring, (2, 3)),
    "indexOf": ExpressionFunction(_index_of, (2,)),
    "join": ExpressionFunction(_join, (1, 2)),
}
