"""Sentences of the alarms of a workspace."""

from collections.abc import Mapping
from typing import Any

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.operations.workspace_alarms import ALARM_MEASURES
from shared.platform.errors import FieldErrors

ALARM_LABELS = {
    "source_silent": _("A source or form is silent"),
    "dead_letters": _("Submissions fail"),
    "waiting": _("Work waits"),
    "held_digest": _("Held submissions"),
    "webhook_disabled": _("A webhook is disabled"),
}
ALARM_NOTES = {
    "source_silent": _("Those that set no number of their own, once they have sent something. Empty: none of them."),
    "dead_letters": _("Five or more within an hour, and so many of those that were decided."),
    "waiting": _("An automation or a delivery is due for so long, while nobody has paused it."),
    "held_digest": _("Once a week, while something new is held."),
    "webhook_disabled": _("Its receiver is gone, or failed for a day."),
}
WHO_WORDS = {"admins": _("All admins"), "chosen": _("Chosen users"), "nobody": _("Nobody")}
UNIT_WORDS = {"minutes": _("minutes"), "percent": _("percent")}


def alarm_value(view: PageView, code: str, alarm: Mapping[str, Any]) -> str:
    """Say who is told of an alarm, and from when on it rings."""
    user_ids, measure = alarm["user_ids"], ALARM_MEASURES.get(code)
    if user_ids is None:
        readers = view.translate(WHO_WORDS["admins"])
    elif user_ids:
        readers = view.translate_count("%(n)s user", "%(n)s users", len(user_ids))
    else:
        readers = view.translate(WHO_WORDS["nobody"])
    if not measure or alarm[measure] is None:
        return readers
    return f"{readers}, {view.formatting.number(alarm[measure])} {view.translate(UNIT_WORDS[measure])}"


def alarm_problems(view: PageView, errors: FieldErrors) -> dict[str, str]:
    """Return what is wrong with each alarm, by the name of its setting."""
    problems: dict[str, str] = {}
    for field in errors:
        setting = ".".join(field.split(".")[:2])
        is_readers = ".user_ids" in field
        problems[setting] = (
            view.translate("Choose up to 20 users who are still there.")
            if is_readers
            else view.translate("Write a whole number, 1 or more.")
        )
    return problems
