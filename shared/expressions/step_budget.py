"""What one evaluation may cost. Pure.

Each part of the tree that is evaluated is a step, and so are each item that is looked at and each hundred characters
that are searched or made. So time and memory have a bound, whatever the expression and the lead are.
"""

from typing import Any, Final

MAX_TEXT: Final = 256 << 10  # characters of a text that an expression makes
CHARACTERS_PER_STEP: Final = 100
FAILURE_STEPS: Final = 5  # of a part whose failure an operator may hide: to raise and catch it takes as long


class OverBudget(Exception):
    """The steps are used up, or a text is too long. Whoever knows the place makes an `ExhaustedBudget` of it."""

    def __init__(self, template: str) -> None:
        super().__init__(template)
        self.template = template


TOO_MANY_STEPS: Final = "This takes too many steps."
TOO_LONG_TEXT: Final = "This makes too long a text."


class StepBudget:
    """The steps that are left to an evaluation."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps. Raises OverBudget if there are not as many."""
        self.left -= steps
        if self.left < 0:
            raise OverBudget(TOO_MANY_STEPS)

    def spend_on_text(self, *texts: str) -> None:
        """Take the steps of reading these texts."""
        self.spend(sum(map(len, texts)) // CHARACTERS_PER_STEP)

    def expect_text(self, length: int) -> None:
        """Take the steps of making a text of that length, before it is made."""
        if length > MAX_TEXT:
            raise OverBudget(TOO_LONG_TEXT)
        self.spend(length // CHARACTERS_PER_STEP)


def values_are_equal(first: Any, second: Any, budget: StepBudget) -> bool:
    """Return whether two values are equal, as CEL says: numbers by value, and values of different types never."""
    budget.spend()
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first == second
    if type(first) is not type(second):
        return False
    if isinstance(first, list):
        return len(first) == len(second) and all(
            values_are_equal(one, other, budget) for one, other in zip(first, second, strict=True)
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            values_are_equal(value, second[key], budget) for key, value in first.items()
        )
    if isinstance(first, str):
        budget.spend_on_text(first)
    return bool(first == second)
