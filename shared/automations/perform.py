"""The handlers of actions: each changes a lead, as a value, and adds effects to be sent or created."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal, NamedTuple

from shared.automations import templates
from shared.automations.fields import custom_key
from shared.automations.texts import PutOff, Texts
from shared.leads.merge import MOST_CUSTOM, has_room
from shared.leads.submission import MOST_TAGS

LONGEST_LINE = 255  # characters of a rendered subject or title

Lead = dict[str, Any]
Outcome = dict[str, Any]
State = Literal["waiting", "done", "failed"]


class Stage(NamedTuple):
    """A stage of the board, and the status of leads that move there."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class Scene:
    """The existing records that definitions refer to, and the time of the database."""

    now: datetime
    zone: str = "UTC"
    stages: dict[int, Stage] = field(default_factory=dict)
    users: set[int] = field(default_factory=set)  # active ones
    integrations: set[int] = field(default_factory=set)  # active ones


class Effect(NamedTuple):
    """A message to send or a task to create: the type of the action and its data, with rendered texts."""

    type: str
    data: dict[str, Any]


class Failed(Exception):
    """A step cannot be done, for the reason in the message. The run continues with the next step."""


@dataclass(slots=True)
class Walk:
    """The progress of a run through its steps.

    `lead` changes with each step. `take_turn` takes the next round-robin turn of a step, as `next_turn` decides.
    """

    lead: Lead
    scene: Scene
    turn: Callable[[int, Sequence[bool]], int]
    at: int = 0
    texts: Texts = field(default_factory=Texts)
    outcomes: list[Outcome] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    due_at: datetime | None = None
    state: State = "done"


def copied(lead: Lead) -> Lead:
    """Copy a lead as deep as steps change it. Values of custom fields are replaced, never modified."""
    return {**lead, "tags": list(lead["tags"]), "custom_fields": dict(lead["custom_fields"])}


def bears(lead: Lead, tag: str) -> bool:
    return any(tag.casefold() == borne.casefold() for borne in lead["tags"])


Data = dict[str, Any] | None


def _add_tag(found: Walk, action: Mapping[str, Any]) -> Data:
    if not bears(found.lead, action["tag"]):
        if len(found.lead["tags"]) >= MOST_TAGS:
            raise Failed(f"the lead bears {MOST_TAGS:,} tags")
        found.lead["tags"].append(action["tag"])
    return None


def _remove_tag(found: Walk, action: Mapping[str, Any]) -> Data:
    gone = action["tag"].casefold()
    found.lead["tags"] = [tag for tag in found.lead["tags"] if tag.casefold() != gone]
    return None


def _set_field(found: Walk, action: Mapping[str, Any]) -> Data:
    key, value = custom_key(action["field"]), action["value"]
    if key is None:
        found.lead[action["field"]] = value
    elif value is None:
        found.lead["custom_fields"].pop(key, None)
    elif has_room(found.lead["custom_fields"], custom := {**found.lead["custom_fields"], key: value}):
        found.lead["custom_fields"] = custom
    else:
        raise Failed(f"the lead would hold over {MOST_CUSTOM >> 10} KB of custom fields")
    return None


def _set_status(found: Walk, action: Mapping[str, Any]) -> Data:
    found.lead["status"] = action["status"]
    return None


def _move_stage(found: Walk, action: Mapping[str, Any]) -> Data:
    id_ = action["stage_id"]
    stage = found.scene.stages.get(id_)
    if stage is None:
        raise Failed(f"there is no stage {id_}")
    if found.lead["pipeline_stage_id"] != id_:
        found.lead |= {"pipeline_id": stage.pipeline_id, "pipeline_stage_id": id_}
        found.lead["status"] = stage.status or found.lead["status"]
    return None


def _assign_user(found: Walk, action: Mapping[str, Any]) -> Data:
    wanted = action.get("round_robin") or [action["user_id"]]
    there = [id_ in found.scene.users for id_ in wanted]
    if not any(there):
        raise Failed("no such user is there and active")
    chosen = wanted[found.turn(found.at, there) % len(wanted)] if action.get("round_robin") else wanted[0]
    found.lead["assigned_user_id"] = chosen
    return {"user_id": chosen}


def next_turn(first: int, there: Sequence[bool]) -> int:
    """Return the first turn from `first` on whose user is available. At least one user must be.

    Turns are counted over the whole list, round after round. Users who are away are skipped and keep their place.
    """
    return next(turn for turn in count(first) if there[turn % len(there)])


def _adjust_score(found: Walk, action: Mapping[str, Any]) -> Data:
    found.lead["lead_score"] += action["points"]
    return {"lead_score": found.lead["lead_score"]}


def _send_webhook(found: Walk, action: Mapping[str, Any]) -> Data:
    found.effects.append(Effect("send_webhook", {"url": action["url"], "lead": copied(found.lead)}))
    return None


def _send_email(found: Walk, action: Mapping[str, Any]) -> Data:
    if action["to"] == "lead" and not found.lead["email"]:
        raise Failed("the lead has no email")
    to = None if action["to"] == "lead" else _active(found, action["to"])
    subject, body = _filled(found, action["subject"])[:LONGEST_LINE], _filled(found, action["body"])
    found.effects.append(Effect("send_email", {"to": to, "subject": subject, "body": body}))
    return {"to": to} if to else None


def _send_sms(found: Walk, action: Mapping[str, Any]) -> Data:
    if not found.lead["phone"]:
        raise Failed("the lead has no phone")
    data = {"integration_id": _integration(found, action), "body": _filled(found, action["body"])}
    found.effects.append(Effect("send_sms", data))
    return None


def _notify_slack(found: Walk, action: Mapping[str, Any]) -> Data:
    data = {"integration_id": _integration(found, action), "text": _filled(found, action["text"], slack=True)}
    found.effects.append(Effect("notify_slack", data))
    return None


def _notify_users(found: Walk, action: Mapping[str, Any]) -> Data:
    wanted = action["to"]
    if wanted == "assigned":
        wanted = [found.lead["assigned_user_id"]]
    to = _active(found, wanted)
    found.effects.append(Effect("notify_users", {"to": to, "text": _filled(found, action["text"])}))
    return {"to": to}


def _create_task(found: Walk, action: Mapping[str, Any]) -> Data:
    hours = action.get("due_in_hours")
    task = {
        "title": _filled(found, action["title"])[:LONGEST_LINE],
        "due_at": None if hours is None else (found.scene.now + timedelta(hours=hours)).isoformat(),
        "user_id": action.get("user_id") or found.lead["assigned_user_id"],
    }
    if task["user_id"] not in found.scene.users:
        task["user_id"] = None
    found.effects.append(Effect("create_task", task))
    return {"due_at": task["due_at"], "user_id": task["user_id"]}


def _active(found: Walk, wanted: Sequence[int | None]) -> list[int]:
    active = [id_ for id_ in wanted if id_ in found.scene.users]
    if not active:
        raise Failed("no such user is there and active")
    return [id_ for id_ in active if id_ is not None]


def _integration(found: Walk, action: Mapping[str, Any]) -> int:
    id_: int = action["integration_id"]
    if id_ not in found.scene.integrations:
        raise Failed(f"there is no active integration {id_}")
    return id_


def _filled(found: Walk, source: str, *, slack: bool = False) -> str:
    try:
        return found.texts.fill(source, found.lead, slack=slack)
    except PutOff:
        raise
    except templates.TooMuch as error:
        raise Failed(f"the template {error}") from error
    except Exception as error:  # a filter that does not accept the value, such as `first` of a number
        raise Failed(f"the template cannot be filled in: {type(error).__name__}") from error


ACTIONS: dict[str, Callable[[Walk, Mapping[str, Any]], Data]] = {
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
EFFECTS = {"send_webhook", "send_email", "send_sms", "notify_slack", "notify_users", "create_task"}
