"""The handlers of actions: each changes a lead, as a value, and adds effects to be sent or created."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal, NamedTuple

from shared.automations import templates
from shared.automations.fields import custom_key
from shared.automations.rendering_budget import BudgetExhausted, RenderingBudget
from shared.leads.duplicate_policy import MAX_CUSTOM_FIELDS_BYTES, has_room_for_custom_fields
from shared.leads.submission import MAX_LEAD_TAGS

MAX_RENDERED_LINE_LENGTH = 255  # characters of a rendered subject or title

LeadDict = dict[str, Any]
StepReport = dict[str, Any]
RunState = Literal["waiting", "done", "failed"]


class TargetStage(NamedTuple):
    """A stage of the board, and the status of leads that move there."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class WorkspaceContext:
    """The existing records that definitions refer to, and the time of the database."""

    now: datetime
    time_zone: str = "UTC"
    stages: dict[int, TargetStage] = field(default_factory=dict)
    users: set[int] = field(default_factory=set)  # active ones
    integrations: set[int] = field(default_factory=set)  # active ones


class ActionEffect(NamedTuple):
    """A message to send or a task to create: the type of the action and its data, with rendered texts."""

    type: str
    data: dict[str, Any]


class StepFailed(Exception):
    """A step cannot be done, for the reason in the message. The run continues with the next step."""


@dataclass(slots=True)
class StepRun:
    """The progress of a run through its steps.

    `lead` changes with each step. `take_turn` takes the next round-robin turn of a step, as `next_turn` decides.
    """

    lead: LeadDict
    context: WorkspaceContext
    take_turn: Callable[[int, Sequence[bool]], int]
    step_index: int = 0
    budget: RenderingBudget = field(default_factory=RenderingBudget)
    outcomes: list[StepReport] = field(default_factory=list)
    effects: list[ActionEffect] = field(default_factory=list)
    due_at: datetime | None = None
    state: RunState = "done"


def copy_lead(lead: LeadDict) -> LeadDict:
    """Copy a lead as deep as steps change it. Values of custom fields are replaced, never modified."""
    return {**lead, "tags": list(lead["tags"]), "custom_fields": dict(lead["custom_fields"])}


def has_tag(lead: LeadDict, tag: str) -> bool:
    return any(tag.casefold() == borne.casefold() for borne in lead["tags"])


OutcomeData = dict[str, Any] | None


def _add_tag(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    if not has_tag(step_run.lead, action["tag"]):
        if len(step_run.lead["tags"]) >= MAX_LEAD_TAGS:
            raise StepFailed(f"the lead has {MAX_LEAD_TAGS:,} tags")
        step_run.lead["tags"].append(action["tag"])
    return None


def _remove_tag(found: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    gone = action["tag"].casefold()
    found.lead["tags"] = [tag for tag in found.lead["tags"] if tag.casefold() != gone]
    return None


def _set_field(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    key, value = custom_key(action["field"]), action["value"]
    if key is None:
        step_run.lead[action["field"]] = value
    elif value is None:
        step_run.lead["custom_fields"].pop(key, None)
    elif has_room_for_custom_fields(
        step_run.lead["custom_fields"], custom := {**step_run.lead["custom_fields"], key: value}
    ):
        step_run.lead["custom_fields"] = custom
    else:
        raise StepFailed(f"the lead would hold over {MAX_CUSTOM_FIELDS_BYTES >> 10} KB of custom fields")
    return None


def _set_status(found: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    found.lead["status"] = action["status"]
    return None


def _move_stage(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    id_ = action["stage_id"]
    stage = step_run.context.stages.get(id_)
    if stage is None:
        raise StepFailed(f"there is no stage {id_}")
    if step_run.lead["pipeline_stage_id"] != id_:
        step_run.lead |= {"pipeline_id": stage.pipeline_id, "pipeline_stage_id": id_}
        step_run.lead["status"] = stage.status or step_run.lead["status"]
    return None


def _assign_user(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    wanted = action.get("round_robin") or [action["user_id"]]
    there = [id_ in step_run.context.users for id_ in wanted]
    if not any(there):
        raise StepFailed("no such user is there and active")
    chosen = (
        wanted[step_run.take_turn(step_run.step_index, there) % len(wanted)] if action.get("round_robin") else wanted[0]
    )
    step_run.lead["assigned_user_id"] = chosen
    return {"user_id": chosen}


def next_turn(first: int, there: Sequence[bool]) -> int:
    """Return the first turn from `first` on whose user is available. At least one user must be.

    Turns are counted over the whole list, round after round. Users who are away are skipped and keep their place.
    """
    return next(turn for turn in count(first) if there[turn % len(there)])


def _adjust_score(found: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    found.lead["lead_score"] += action["points"]
    return {"lead_score": found.lead["lead_score"]}


def _send_webhook(found: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    found.effects.append(ActionEffect("send_webhook", {"url": action["url"], "lead": copy_lead(found.lead)}))
    return None


def _send_email(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    if action["to"] == "lead" and not step_run.lead["email"]:
        raise StepFailed("the lead has no email")
    to = None if action["to"] == "lead" else _active_users(step_run, action["to"])
    subject, body = (
        _render_text(step_run, action["subject"])[:MAX_RENDERED_LINE_LENGTH],
        _render_text(step_run, action["body"]),
    )
    step_run.effects.append(ActionEffect("send_email", {"to": to, "subject": subject, "body": body}))
    return {"to": to} if to else None


def _send_sms(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    if not step_run.lead["phone"]:
        raise StepFailed("the lead has no phone")
    data = {"integration_id": _active_integration(step_run, action), "body": _render_text(step_run, action["body"])}
    step_run.effects.append(ActionEffect("send_sms", data))
    return None


def _notify_slack(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    data = {
        "integration_id": _active_integration(step_run, action),
        "text": _render_text(step_run, action["text"], slack=True),
    }
    step_run.effects.append(ActionEffect("notify_slack", data))
    return None


def _notify_users(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    wanted = action["to"]
    if wanted == "assigned":
        wanted = [step_run.lead["assigned_user_id"]]
    to = _active_users(step_run, wanted)
    step_run.effects.append(ActionEffect("notify_users", {"to": to, "text": _render_text(step_run, action["text"])}))
    return {"to": to}


def _create_task(step_run: StepRun, action: Mapping[str, Any]) -> OutcomeData:
    hours = action.get("due_in_hours")
    task = {
        "title": _render_text(step_run, action["title"])[:MAX_RENDERED_LINE_LENGTH],
        "due_at": None if hours is None else (step_run.context.now + timedelta(hours=hours)).isoformat(),
        "user_id": action.get("user_id") or step_run.lead["assigned_user_id"],
    }
    if task["user_id"] not in step_run.context.users:
        task["user_id"] = None
    step_run.effects.append(ActionEffect("create_task", task))
    return {"due_at": task["due_at"], "user_id": task["user_id"]}


def _active_users(found: StepRun, wanted: Sequence[int | None]) -> list[int]:
    active = [id_ for id_ in wanted if id_ in found.context.users]
    if not active:
        raise StepFailed("no such user is there and active")
    return [id_ for id_ in active if id_ is not None]


def _active_integration(found: StepRun, action: Mapping[str, Any]) -> int:
    id_: int = action["integration_id"]
    if id_ not in found.context.integrations:
        raise StepFailed(f"there is no active integration {id_}")
    return id_


def _render_text(found: StepRun, source: str, *, slack: bool = False) -> str:
    try:
        return found.budget.render_text(source, found.lead, slack=slack)
    except BudgetExhausted:
        raise
    except templates.TemplateTooCostly as error:
        raise StepFailed(f"the template {error}") from error
    except Exception as error:  # a filter that does not accept the value, such as `first` of a number
        raise StepFailed(f"the template cannot be filled in: {type(error).__name__}") from error


ACTION_HANDLERS: dict[str, Callable[[StepRun, Mapping[str, Any]], OutcomeData]] = {
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
    "set_field": _set_field,
    "set_status": _set_status,
    "move_stage": _move_stage,
    "assign_user": _assign_user,
    "adjust_score": _adjust_score,
    "send_webhook": _send_webhook,
    "send_email": _send_email,
    "send_sms": _send_sms,
    "notify_slack": _notify_slack,
    "notify_users": _notify_users,
    "create_task": _create_task,
}
# Actions with exactly one effect in addition to changes of the lead.
ACTIONS_WITH_EFFECTS = {"send_webhook", "send_email", "send_sms", "notify_slack", "notify_users", "create_task"}
