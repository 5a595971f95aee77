"""What each comparison of a condition met, and whether it held. Pure.

A trace takes the conditions of an automation one after the other, up to the first that does not hold. Steps between
them change the lead as in a run; texts are not rendered, and nothing is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.automations.action_handlers import (
    ACTION_HANDLERS,
    ACTIONS_WITH_EFFECTS,
    LeadDict,
    StepFailed,
    StepRun,
    WorkspaceContext,
    copy_lead,
)
from shared.automations.conditions import condition_matches
from shared.automations.fields import field_value

MAX_FOUND_CHARS = 300  # of a value that is shown
MAX_FOUND_MEMBERS = 20  # of a list, such as tags


@dataclass(frozen=True)
class TracedComparison:
    """A comparison, the value that it met, and whether it held by itself. `path`: where it stands, such as `any.1`."""

    path: str
    field: str
    operator: str
    expected: Any
    found: Any
    held: bool


@dataclass(frozen=True)
class TracedCondition:
    """A condition step, whether it held as a whole, and its comparisons."""

    step: int
    held: bool
    comparisons: list[TracedComparison]


def trace_condition(condition: Mapping[str, Any], lead: Mapping[str, Any]) -> list[TracedComparison]:
    """Return all comparisons of a condition, in order, also those that the outcome did not depend on."""
    return list(_trace_part(condition, lead, ""))


def trace_steps(
    steps: Sequence[Mapping[str, Any]], start: int, lead: LeadDict, context: WorkspaceContext, end: int | None = None
) -> tuple[list[TracedCondition], LeadDict]:
    """Return the traces of the conditions among the steps, up to the first that is false, and the changed lead.

    An assignment in turn takes the first user who is there: whose turn it was is known from the run alone.
    """
    walk = StepRun(copy_lead(lead), context, _first_turn, start)
    traced: list[TracedCondition] = []
    for number, step in enumerate(steps[start:end], start):
        walk.step_index = number
        if condition := step.get("condition"):
            held = condition_matches(condition, walk.lead)
            traced.append(TracedCondition(number, held, trace_condition(condition, walk.lead)))
            if not held:
                break
        elif (action := step.get("action")) and action["type"] not in ACTIONS_WITH_EFFECTS:
            _change_lead(walk, action)
    return traced, walk.lead


def _change_lead(walk: StepRun, action: Mapping[str, Any]) -> None:
    try:
        ACTION_HANDLERS[action["type"]](walk, action)
    except StepFailed:
        return  # a run goes on with the next step


def _first_turn(_step: int, there: Sequence[bool]) -> int:
    return there.index(True)


def _trace_part(condition: Mapping[str, Any], lead: Mapping[str, Any], path: str) -> Iterator[TracedComparison]:
    for group in ("all", "any"):
        for index, part in enumerate(condition.get(group) or ()):
            yield from _trace_part(part, lead, f"{path}{group}.{index}.")
    if "not" in condition:
        yield from _trace_part(condition["not"], lead, f"{path}not.")
    if "operator" in condition:
        yield TracedComparison(
            path.rstrip("."),
            condition["field"],
            condition["operator"],
            condition.get("value"),
            shorten_value(field_value(lead, condition["field"])),
            condition_matches(condition, lead),
        )


def shorten_value(value: Any) -> Any:
    """Return a value as an answer shows it: long texts and lists are cut."""
    if isinstance(value, str) and len(value) > MAX_FOUND_CHARS:
        return f"{value[:MAX_FOUND_CHARS]}…"
    if isinstance(value, list):
        return [shorten_value(member) for member in value[:MAX_FOUND_MEMBERS]]
    return value if isinstance(value, str | int | float | bool) or value is None else shorten_value(str(value))
