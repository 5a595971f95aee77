"""What the page of a reason shows: the answer in a sentence, each step with its conditions, and the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from services.console.automations.condition_words import (
    AMOUNT_OPERATORS,
    condition_sentence,
    value_marks,
)
from services.console.automations.phrases import phrase, uncapitalized
from services.console.automations.reads import DefinitionNames
from services.console.automations.step_words import step_line
from services.console.automations.why_words import found_words, why_sentence
from services.console.leads.words import field_label
from services.console.web.operator_words import OPERATOR_WORDS
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.automations.explained_conditions import ExplainedComparison
from shared.automations.explanation import Explanation

OUTCOME_WORDS: Mapping[str, str] = {
    "passed": _("true"),
    "ended": _("false: it ended here"),
    "waiting": _("waited"),
    "done": _("done"),
    "skipped": _("not sent"),
    "failed": _("failed"),
}
# The same in a trial.
TRIAL_WORDS: Mapping[str, str] = {
    "passed": _("true"),
    "ended": _("false: it would end here"),
    "waiting": _("would wait"),
    "done": _("would be done"),
    "skipped": _("would not be sent"),
    "failed": _("would fail"),
}
OUTCOME_MARKS: Mapping[str, tuple[str, str]] = {
    "passed": ("check", "ok"),
    "done": ("check", "ok"),
    "ended": ("x", "bad"),
    "failed": ("warn", "bad"),
    "waiting": ("clock", "wait"),
    "skipped": ("stop", "faint"),
}


@dataclass(frozen=True)
class ComparisonLine:
    """A comparison as a row: what was wanted, what was met, and whether it held."""

    label: str
    expected: Markup
    found: Markup
    held: bool
    is_of_now: bool


@dataclass(frozen=True)
class StepLine:
    """A step with what became of it. `symbol` is an icon with its colour."""

    line: Markup
    outcome: str
    word: str
    symbol: str = ""
    colour: str = "faint"
    reason: str = ""
    comparisons: list[ComparisonLine] = field(default_factory=list)


def verdict_sentence(view: PageView, names: DefinitionNames, explained: Explanation) -> Markup:
    """Return the answer in a sentence, which begins with whether it ran."""
    reason = explained.reason
    why = uncapitalized(why_sentence(view, names, reason.code, reason.values))
    false = next(
        (one for one in explained.conditions if one.step == explained.false_step and not one.comparison.held), None
    )
    if reason.code == "condition_false" and false is not None:
        comparison = false.comparison
        wanted = condition_sentence(
            view, names, {"field": comparison.field, "operator": comparison.operator, "value": comparison.expected}
        )
        why = phrase(
            view.translate("%(field)s is %(found)s, and step %(n)s wants: %(wanted)s."),
            field=field_label(view, comparison.field),
            found=Markup('<span class="bad">{}</span>').format(found_words(view, names, comparison)),
            n=false.step + 1,
            wanted=wanted,
        )
    begin = view.translate("It ran: %(why)s") if explained.ran else view.translate("It did not run: %(why)s")
    return phrase(begin, why=why)


def step_lines(view: PageView, names: DefinitionNames, explained: Explanation) -> list[StepLine]:
    """Return the steps, each with its outcome in the run, and of conditions also what they met."""
    run = explained.run
    steps: Sequence[Mapping[str, Any]] = run.plan if run and run.plan else explained.automation.steps
    outcomes = {outcome["step"]: outcome for outcome in run.steps} if run else {}
    lines = []
    for number, step in enumerate(steps):
        met = [one for one in explained.conditions if one.step == number]
        shown = [_comparison_line(view, names, one) for one in met]
        lines.append(outcome_line(view, step_line(view, names, step), outcomes.get(number), shown))
    return lines


def outcome_line(
    view: PageView,
    line: Markup,
    outcome: Mapping[str, Any] | None,
    comparisons: list[ComparisonLine] | None = None,
    words: Mapping[str, str] = OUTCOME_WORDS,
) -> StepLine:
    """Return a step with an outcome; None if it was not reached."""
    if outcome is None:
        return StepLine(line, "", view.translate("not reached"), comparisons=comparisons or [])
    kind = outcome["outcome"]
    symbol, colour = OUTCOME_MARKS[kind]
    word = view.translate_choice(words, kind)
    return StepLine(line, kind, word, symbol, colour, outcome.get("reason") or "", comparisons or [])


def _comparison_line(view: PageView, names: DefinitionNames, explained: ExplainedComparison) -> ComparisonLine:
    comparison = explained.comparison
    expected = Markup("{}").format(view.translate_choice(OPERATOR_WORDS, comparison.operator))
    if comparison.expected not in (None, []):
        is_amount = comparison.operator in AMOUNT_OPERATORS
        marks = value_marks(view, names, comparison.field, comparison.expected, is_amount)
        expected = Markup("{} {}").format(expected, marks)
    if "not" in comparison.path.split("."):
        expected = phrase(view.translate("not: %(wanted)s"), wanted=expected)
    label = field_label(view, comparison.field)
    held = comparison.held != (comparison.path.split(".").count("not") % 2 == 1)
    return ComparisonLine(label, expected, found_words(view, names, comparison), held, not explained.is_of_then)
