"""What can be wrong with an expression: a sentence, and the place in the text. Pure."""

from collections.abc import Mapping
from typing import NamedTuple


class TextPlace(NamedTuple):
    """A place in an expression's text. Both numbers begin with 1."""

    line: int
    column: int


class ExpressionProblem(Exception):
    """An expression that is no expression, or that gives nothing for these values.

    `template` is the sentence before its values are put in: with it a page finds the sentence in another language. No
    sentence quotes a value of a lead.
    """

    def __init__(self, template: str, place: TextPlace, values: Mapping[str, object] | None = None) -> None:
        super().__init__(template)
        self.template = template
        self.place = place
        self.values = dict(values or {})

    def __str__(self) -> str:
        sentence = self.template % self.values if self.values else self.template
        return f"Line {self.place.line}, character {self.place.column}: {sentence}"


class SyntaxProblem(ExpressionProblem):
    """The text is no expression of this language."""


class EvaluationProblem(ExpressionProblem):
    """The expression gives nothing for these values. `||` and `&&` may do without the part that failed."""


class ExhaustedBudget(ExpressionProblem):
    """The expression takes too many steps, or makes too long a text. No operator hides this."""


def place_of(text: str, offset: int) -> TextPlace:
    """Return the place of a character, counted from 0."""
    before = text[:offset]
    return TextPlace(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
