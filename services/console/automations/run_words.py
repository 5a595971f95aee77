"""Runs in words: what each came to, its steps, and what started it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from services.console.automations.phrases import phrase
from services.console.automations.step_words import STEP_WORDS
from services.console.automations.why_view import StepLine, outcome_line
from services.console.leads.words import lead_name
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from services.console.web.worker_errors import worker_error
from shared.leads.lead_records import LeadJson
from shared.outbound.deliveries import NO_MAIL_MESSAGE

RUN_STATES: Mapping[str, str] = {
    "": _("All"),
    "waiting": _("Waiting"),
    "failed": _("Failed"),
    "ended": _("To the end"),
    "condition": _("Ended by a condition"),
    "stopped": _("Stopped"),
}
STATE_MARKS: Mapping[str, tuple[str, str]] = {
    "waiting": ("wait", "waiting"),
    "failed": ("dead", "dead"),
    "done": ("done", "done"),
    "condition": ("none", "off"),
    "stopped": ("none", "off"),
}
DELIVERY_WORDS: Mapping[str, str] = {
    "pending": _("on its way"),
    "sent": _("delivered"),
    "failed": _("not delivered"),
    "cancelled": _("cancelled"),
    "suppressed": _("the address wants no mail"),
}


@dataclass(frozen=True)
class RunLine:
    """A run as a row: `glyph` and `colour` of its state, what it came to, and its steps.

    `lacks_mail`: a step failed since the workspace has no way to send mail.
    """

    id: int
    lead_id: int
    name: str
    glyph: str
    colour: str
    came_to: Markup
    steps: list[StepLine]
    deliveries: list[str]
    entry_id: int | None
    submission_id: str
    started_by: str
    took: float | None
    lacks_mail: bool
    created_at: datetime


def run_line(
    view: PageView, run: Mapping[str, Any], lead: LeadJson | None, origin: Mapping[str, Any] | None
) -> RunLine:
    """Return a run as a row. A lead that is gone has its number alone."""
    is_ended = run["state"] == "done" and any(step["outcome"] == "ended" for step in run["steps"])
    glyph, colour = STATE_MARKS["condition" if is_ended else run["state"]]
    finished = run["finished_at"]
    return RunLine(
        run["id"],
        run["lead_id"],
        lead_name(view, lead) if lead else f"#{run['lead_id']}",
        glyph,
        colour,
        _came_to(view, run),
        [_step(view, step) for step in run["steps"]],
        [word for step in run["steps"] for word in _deliveries(view, step)],
        origin["id"] if origin else None,
        (origin or {}).get("submission_id") or "",
        _started_by(view, run["trigger_key"], origin),
        (finished - run["created_at"]).total_seconds() if finished else None,
        any(NO_MAIL_MESSAGE in (step["reason"] or "") for step in run["steps"]),
        run["created_at"],
    )


def _came_to(view: PageView, run: Mapping[str, Any]) -> Markup:
    steps = run["steps"]
    if run["state"] == "waiting":
        if not steps:
            return phrase(view.translate("waits for its turn"))
        return phrase(view.translate("waits until %(time)s"), time=view.formatting.time_tag(run["due_at"], "clock"))
    if run["state"] == "stopped":
        return phrase(view.translate("stopped: %(why)s"), why=worker_error(run["error"] or "", view.translate))
    failed = next((step for step in steps if step["outcome"] == "failed"), None)
    if failed:
        return phrase(
            view.translate("failed at step %(n)s: %(why)s"),
            n=failed["step"] + 1,
            why=worker_error(failed["reason"] or "", view.translate),
        )
    if run["state"] == "failed":
        return phrase(view.translate("failed: %(why)s"), why=worker_error(run["error"] or "", view.translate))
    ended = next((step for step in steps if step["outcome"] == "ended"), None)
    if ended:
        return phrase(view.translate("ended at step %(n)s: its condition was false"), n=ended["step"] + 1)
    return phrase(view.translate("took all its steps"))


def _step(view: PageView, step: Mapping[str, Any]) -> StepLine:
    return outcome_line(view, Markup("{}").format(view.translate_choice(STEP_WORDS, step["type"])), step)


def _deliveries(view: PageView, step: Mapping[str, Any]) -> list[str]:
    return [view.translate_choice(DELIVERY_WORDS, one["state"]) for one in step["deliveries"]]


def _started_by(view: PageView, key: str, origin: Mapping[str, Any] | None) -> str:
    if key.startswith("manual:"):
        return view.translate("by hand")
    if key.startswith("silence:"):
        return view.translate("nothing happened")
    if origin is None:
        return view.translate("an event")
    words = {
        "user": view.translate("a change by a user"),
        "api": view.translate("a change by the API"),
        "automation": view.translate("another automation"),
        "scoring": view.translate("the score"),
    }
    return words.get(str(origin["by"]), view.translate("an event"))
