"""Take the steps of a run on values, up to the end or the next delay.

Nothing is written here. The result has the outcome of each step, the changed lead and the effects. The engine writes
it; a dry run only shows it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.automations.action_handlers import (
    ACTION_HANDLERS,
    LeadDict,
    StepFailed,
    StepReport,
    StepRun,
    WorkspaceContext,
    copy_lead,
    has_tag,
)
from shared.automations.business_hours import next_open
from shared.automations.conditions import condition_matches
from shared.automations.definition import delay_minutes
from shared.automations.rendering_budget import RenderingBudget

EDITABLE_FIELDS = ("first_name", "last_name", "company", "job_title", "country", "source", "notes", "status", "starred")
BOARD_FIELDS = ("pipeline_id", "pipeline_stage_id")


def run_steps(
    steps: Sequence[Mapping[str, Any]],
    start: int,
    lead: LeadDict,
    context: WorkspaceContext,
    take_turn: Callable[[int, Sequence[bool]], int],
    *,
    budget: RenderingBudget | None = None,
    over_delays: bool = False,
) -> StepRun:
    """Take the steps from `start` on, on a copy of the lead. `over_delays` ignores delays. Raises BudgetExhausted."""
    step_run = StepRun(copy_lead(lead), context, take_turn, start, budget or RenderingBudget())
    while step_run.step_index < len(steps):
        step = steps[step_run.step_index]
        outcome = _take_step(step_run, step)
        step_run.outcomes.append({"step": step_run.step_index, **outcome})
        step_run.step_index += 1
        if outcome["outcome"] == "ended" or (outcome["outcome"] == "waiting" and not over_delays):
            break
    failed = any(outcome["outcome"] == "failed" for outcome in step_run.outcomes)
    step_run.state = "failed" if failed else "done"
    if step_run.due_at and not over_delays:
        step_run.state = "waiting"
    return step_run


def _take_step(step_run: StepRun, step: Mapping[str, Any]) -> StepReport:
    if condition := step.get("condition"):
        return _step_report("condition", "passed" if condition_matches(condition, step_run.lead) else "ended")
    if delay := step.get("delay"):
        due = step_run.context.now + timedelta(minutes=delay_minutes(delay))
        step_run.due_at = next_open(due, step_run.context.time_zone) if delay.get("business_hours") else due
        return _step_report("delay", "waiting", data={"until": step_run.due_at.isoformat()})
    action = step["action"]
    try:
        data = ACTION_HANDLERS[action["type"]](step_run, action)
    except StepFailed as error:
        return _step_report(action["type"], "failed", reason=str(error))
    return _step_report(action["type"], "done", data=data)


def _step_report(
    kind: str, outcome: str, *, reason: str | None = None, data: dict[str, Any] | None = None
) -> StepReport:
    return {"type": kind, "outcome": outcome, "reason": reason, "data": data or {}}


def lead_difference(before: LeadDict, after: LeadDict) -> dict[str, Any]:
    """Return the difference as arguments of a `LeadChange`; empty if both are equal."""
    fields = {name: after[name] for name in (*EDITABLE_FIELDS, "assigned_user_id") if after[name] != before[name]}
    if any(after[name] != before[name] for name in BOARD_FIELDS):
        fields |= {name: after[name] for name in (*BOARD_FIELDS, "status")}
    old, new = before["custom_fields"], after["custom_fields"]
    custom = {key: new.get(key) for key in {**old, **new} if new.get(key) != old.get(key)}
    if custom:
        fields["custom_fields"] = custom
    difference = {
        "set_fields": fields,
        "add_tags": [tag for tag in after["tags"] if not has_tag(before, tag)],
        "remove_tags": [tag for tag in before["tags"] if not has_tag(after, tag)],
        "add_score": after["lead_score"] - before["lead_score"],
    }
    return {name: value for name, value in difference.items() if value}
