"""Take the steps of a run on values, up to the end or the next delay.

Nothing is written here. The result has the outcome of each step, the changed lead and the effects. The engine writes
it; a dry run only shows it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.automations.conditions import fits
from shared.automations.definition import minutes_of
from shared.automations.hours import opening
from shared.automations.perform import ACTIONS, Failed, Lead, Outcome, Scene, Walk, bears, copied
from shared.automations.texts import Texts

EDITED = ("first_name", "last_name", "company", "job_title", "country", "source", "notes", "status", "starred")
BOARD = ("pipeline_id", "pipeline_stage_id")


def walk(
    steps: Sequence[Mapping[str, Any]],
    start: int,
    lead: Lead,
    scene: Scene,
    turn: Callable[[int, Sequence[bool]], int],
    *,
    texts: Texts | None = None,
    over_delays: bool = False,
) -> Walk:
    """Take the steps from `start` on, on a copy of the lead. `over_delays` ignores delays. Raises BudgetExhausted."""
    found = Walk(copied(lead), scene, turn, start, texts or Texts())
    while found.at < len(steps):
        step = steps[found.at]
        outcome = _take(found, step)
        found.outcomes.append({"step": found.at, **outcome})
        found.at += 1
        if outcome["outcome"] == "ended" or (outcome["outcome"] == "waiting" and not over_delays):
            break
    failed = any(outcome["outcome"] == "failed" for outcome in found.outcomes)
    found.state = "failed" if failed else "done"
    if found.due_at and not over_delays:
        found.state = "waiting"
    return found


def _take(found: Walk, step: Mapping[str, Any]) -> Outcome:
    if condition := step.get("condition"):
        return _said("condition", "passed" if fits(condition, found.lead) else "ended")
    if delay := step.get("delay"):
        due = found.scene.now + timedelta(minutes=minutes_of(delay))
        found.due_at = opening(due, found.scene.zone) if delay.get("business_hours") else due
        return _said("delay", "waiting", data={"until": found.due_at.isoformat()})
    action = step["action"]
    try:
        data = ACTIONS[action["type"]](found, action)
    except Failed as error:
        return _said(action["type"], "failed", reason=str(error))
    return _said(action["type"], "done", data=data)


def _said(kind: str, outcome: str, *, reason: str | None = None, data: dict[str, Any] | None = None) -> Outcome:
    return {"type": kind, "outcome": outcome, "reason": reason, "data": data or {}}


def difference(before: Lead, after: Lead) -> dict[str, Any]:
    """Return the difference as arguments of a `Change`; empty if both are equal."""
    fields = {name: after[name] for name in (*EDITED, "assigned_user_id") if after[name] != before[name]}
    if any(after[name] != before[name] for name in BOARD):
        fields |= {name: after[name] for name in (*BOARD, "status")}
    old, new = before["custom_fields"], after["custom_fields"]
    custom = {key: new.get(key) for key in {**old, **new} if new.get(key) != old.get(key)}
    if custom:
        fields["custom_fields"] = custom
    found = {
        "set": fields,
        "add_tags": [tag for tag in after["tags"] if not bears(before, tag)],
        "remove_tags": [tag for tag in before["tags"] if not bears(after, tag)],
        "add_score": after["lead_score"] - before["lead_score"],
    }
    return {name: value for name, value in found.items() if value}
