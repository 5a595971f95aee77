"""Steps in words, and a whole automation in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from services.console.automations.condition_words import SentenceRoom, condition_sentence, value_text
from services.console.automations.phrases import (
    Link,
    capitalized,
    joined_values,
    names_of,
    number_mark,
    phrase,
    unit_words,
    value_mark,
    whole_number,
)
from services.console.automations.reads import DefinitionNames
from services.console.automations.trigger_words import stage_mark, trigger_sentence
from services.console.leads.words import STATUS_WORDS, field_label
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.automations.definition import MINUTES_BY_UNIT

MAX_SUMMARY_STEPS = 12
STEP_WORDS: Mapping[str, str] = {
    "condition": _("Only if"),
    "delay": _("Wait"),
    "send_email": _("Send an e-mail"),
    "notify_slack": _("Tell Slack"),
    "send_sms": _("Send a text message"),
    "notify_users": _("Tell users"),
    "send_webhook": _("Post to an address"),
    "assign_user": _("Give it to a user"),
    "create_task": _("Make a task"),
    "add_tag": _("Add a tag"),
    "remove_tag": _("Take a tag away"),
    "set_status": _("Set the status"),
    "set_field": _("Set a field"),
    "move_stage": _("Move it to a stage"),
    "adjust_score": _("Add points"),
}
STEP_ICONS: Mapping[str, str] = {
    "condition": "filter",
    "delay": "clock",
    "send_email": "mail",
    "notify_slack": "send",
    "send_sms": "phone",
    "notify_users": "bell",
    "send_webhook": "link",
    "assign_user": "user",
    "create_task": "check",
    "add_tag": "tag",
    "remove_tag": "tag",
    "set_status": "star",
    "set_field": "edit",
    "move_stage": "board",
    "adjust_score": "plus",
}
ActionWords = Callable[[PageView, DefinitionNames, Mapping[str, Any]], Markup]


def step_kind(step: Mapping[str, Any]) -> str:
    """Return what a step is: `condition`, `delay`, or the type of its action."""
    if "action" in step:
        return str((step["action"] or {}).get("type") or "")
    return "delay" if "delay" in step else "condition"


def step_sentence(
    view: PageView, names: DefinitionNames, step: Mapping[str, Any], room: SentenceRoom | None = None
) -> Markup:
    """Return what a step does, in lower case: it may stand within a sentence."""
    kind = step_kind(step)
    if kind == "condition":
        condition = condition_sentence(view, names, step.get("condition") or {}, room=room)
        return phrase(view.translate("only if %(condition)s"), condition=condition)
    if kind == "delay":
        return _delay(view, step.get("delay") or {})
    words = _ACTION_WORDS.get(kind)
    return words(view, names, step["action"]) if words else value_mark(None)


def step_line(view: PageView, names: DefinitionNames, step: Mapping[str, Any]) -> Markup:
    """Return what a step does as a sentence of its own."""
    return capitalized(step_sentence(view, names, step))


def step_note(step: Mapping[str, Any]) -> str:
    """Return the first words of what a step sends."""
    action = step.get("action") or {}
    return str(action.get("subject") or action.get("text") or action.get("body") or "")


def automation_sentence(
    view: PageView, names: DefinitionNames, trigger: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]
) -> Markup:
    """Return a whole automation in a sentence."""
    begin = trigger_sentence(view, names, trigger)
    if not steps:
        return phrase(view.translate("When %(trigger)s, nothing is done yet."), trigger=begin)
    room = SentenceRoom()
    parts: list[Markup] = []
    for step in steps[:MAX_SUMMARY_STEPS]:
        if room.left <= 0:
            break
        parts.append(step_sentence(view, names, step, room))
    if more := len(steps) - len(parts):
        parts.append(phrase(view.translate_count("%(n)s more step", "%(n)s more steps", more)))
    done = escape(view.translate(", ")).join(parts)
    return phrase(view.translate("When %(trigger)s: %(steps)s."), trigger=begin, steps=done)


def _delay(view: PageView, delay: Mapping[str, Any]) -> Markup:
    unit = next((name for name in MINUTES_BY_UNIT if delay.get(name)), None)
    number = whole_number(delay.get(unit)) if unit else None
    time = value_mark(unit_words(view, unit, number) if unit and number else None)
    if delay.get("business_hours"):
        return phrase(view.translate("wait %(time)s, and then for office hours"), time=time)
    return phrase(view.translate("wait %(time)s"), time=time)


def _add_tag(view: PageView, _names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    return phrase(view.translate("add the tag %(tag)s"), tag=value_mark(action.get("tag")))


def _remove_tag(view: PageView, _names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    return phrase(view.translate("take the tag %(tag)s away"), tag=value_mark(action.get("tag")))


def _set_field(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    field, value = str(action.get("field") or ""), action.get("value")
    label = value_mark(field_label(view, field) if field else None)
    if value is None or value == "":
        return phrase(view.translate("clear %(field)s"), field=label)
    shown = value_mark(value_text(view, names, field, value))
    return phrase(view.translate("set %(field)s to %(value)s"), field=label, value=shown)


def _set_status(view: PageView, _names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    status = action.get("status")
    shown = value_mark(view.translate_choice(STATUS_WORDS, status) if status else None)
    return phrase(view.translate("set the status to %(status)s"), status=shown)


def _move_stage(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    return phrase(view.translate("move it to %(stage)s"), stage=stage_mark(view, names, action.get("stage_id")))


def _assign_user(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    if action.get("round_robin") is not None:
        users = _user_marks(view, names, action["round_robin"])
        return phrase(view.translate("give it to %(users)s, in turn"), users=users)
    chosen = [action["user_id"]] if action.get("user_id") else []
    return phrase(view.translate("give it to %(user)s"), user=_user_marks(view, names, chosen))


def _adjust_score(view: PageView, _names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    points = whole_number(action.get("points"))
    if points is not None and points < 0:
        return phrase(view.translate("take points away: %(n)s"), n=number_mark(view, -points))
    return phrase(view.translate("add points: %(n)s"), n=number_mark(view, points))


def _send_webhook(view: PageView, _names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    host = value_mark(url_host(str(action.get("url") or "")))
    if action.get("secret"):
        return phrase(view.translate("post it to %(host)s, signed"), host=host)
    return phrase(view.translate("post it to %(host)s"), host=host)


def _send_email(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    if action.get("to") == "lead":
        return phrase(view.translate("send the lead an e-mail"))
    users = _user_marks(view, names, action.get("to"), "and")
    return phrase(view.translate("send an e-mail to %(users)s"), users=users)


def _send_sms(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    by = _integration_mark(view, names, action)
    return phrase(view.translate("send the lead a text message by %(integration)s"), integration=by)


def _notify_slack(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    by = _integration_mark(view, names, action)
    return phrase(view.translate("tell Slack by %(integration)s"), integration=by)


def _notify_users(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    if action.get("to") == "assigned":
        return phrase(view.translate("tell its owner"))
    users = _user_marks(view, names, action.get("to"), "and")
    return phrase(view.translate("tell %(users)s"), users=users)


def _create_task(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    title = value_mark(action.get("title"))
    if action.get("user_id"):
        user = _user_marks(view, names, [action["user_id"]])
        task = phrase(view.translate("make the task %(title)s for %(user)s"), title=title, user=user)
    else:
        task = phrase(view.translate("make the task %(title)s for its owner"), title=title)
    hours = whole_number(action.get("due_in_hours"))
    if hours is None:
        return task
    time = value_mark(unit_words(view, "hours", hours))
    return phrase(view.translate("%(task)s, due in %(time)s"), task=task, time=time)


def url_host(url: str) -> str:
    """Return the host of an address, which tells enough; its path may hold a token."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _user_marks(view: PageView, names: DefinitionNames, ids: Any, link: Link = "or") -> Markup:
    return joined_values(view, names_of(ids, names.users.items(), view.translate("user")), link)


def _integration_mark(view: PageView, names: DefinitionNames, action: Mapping[str, Any]) -> Markup:
    id_ = action.get("integration_id")
    known = names.integrations.get(whole_number(id_) or 0)
    missing = view.translate("integration %(id)s", id=id_) if id_ else None
    return value_mark(known.name if known else missing)


_ACTION_WORDS: Mapping[str, ActionWords] = {
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
