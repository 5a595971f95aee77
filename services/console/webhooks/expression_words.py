"""What is wrong with an expression, in the reader's language, with its place in the text."""

import re
from collections.abc import Mapping
from typing import Any, Final

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.expressions.expression_errors import ExpressionProblem
from shared.outbound.subscription_expressions import MAPPING_FAILED
from shared.outbound.subscription_fields import EXPRESSION_CHECKS

PROBLEM_WORDS: Final = (
    _("The text has no closing quotation mark."),
    _("The character %(mark)s has no meaning here."),
    _("%(name)s is a reserved word."),
    _("The number is too large."),
    _("The text has an escape that is none."),
    _("The expression is too long."),
    _("Something is missing at the end."),
    _("%(mark)s is missing here."),
    _("%(text)s cannot stand here."),
    _("This is nested too deeply."),
    _("The name %(name)s is taken."),
    _("%(name)s has too few or too many values."),
    _("There is no %(name)s here. There are: %(known)s."),
    _("has() is asked of a field, such as has(lead.email)."),
    _("There is no function %(name)s here."),
    _("There is no field %(name)s in these values."),
    _("There is no such item in these values."),
    _("Only a list or an object has items."),
    _("Only an object has fields, such as %(name)s."),
    _("This is neither true nor false."),
    _("%(name)s is not made for these values."),
    _("%(operand)s is null, and %(name)s is not made for that."),
    _("The name of a field must be a text, and stand there once."),
    _("This takes too many steps."),
    _("This makes too long a text."),
    _("A lead has no field %(name)s."),
    _("A lead has no field %(name)s: do you mean %(similar)s?"),
    _("A filter must give true or false."),
    _("A body must be an object or a list."),
    _("The body is larger than 256 KiB."),
)
_STORED: Final = re.compile(r"Line (\d+), character (\d+): (.*)", re.DOTALL)
_PATTERNS: Final = [
    (template, re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(template)), re.DOTALL))
    for template in sorted(PROBLEM_WORDS, key=len, reverse=True)
]


def problem_text(view: PageView, problem: ExpressionProblem) -> str:
    """Return a problem with its place."""
    return _placed(view, problem.template, problem.values, *problem.place)


def stored_problem_text(view: PageView, text: str) -> str:
    """Return a problem that workers wrote, which they do in English."""
    problem = text.removeprefix(MAPPING_FAILED).strip()
    parts = _STORED.fullmatch(problem)
    if parts is None:
        return text
    for template, pattern in _PATTERNS:
        if named := pattern.fullmatch(parts[3]):
            placed = _placed(view, template, named.groupdict(), int(parts[1]), int(parts[2]))
            failed = view.translate("The body mapping gave no body.")
            return f"{failed} {placed}" if problem != text else placed
    return text


def expression_problems(view: PageView, form: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the expressions of a form, by field."""
    return {
        name: problem_text(view, problem)
        for name, find_problem in EXPRESSION_CHECKS.items()
        if form.get(name) and (problem := find_problem(form[name]))
    }


def _placed(view: PageView, template: str, values: Mapping[str, object], line: int, column: int) -> str:
    numbers = {"line": view.formatting.number(line), "column": view.formatting.number(column)}
    sentence = view.translate(template, **values) if values else view.translate(template)
    place = view.translate("Line %(line)s, character %(column)s:", **numbers)
    return f"{place} {sentence}"
