"""Sentences of the pages of conversions: platforms, states, what became of events, and what the check says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.console.conversions.reads import ConversionReport, EventDelivery, UnsentEvent
from services.console.leads.activity_words import SKIP_WORDS
from services.console.sources.words import DoctorLine
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _
from services.console.webhooks.words import ERROR_WORDS, StateWords, delivery_state
from shared.auth.roles import Permission
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.conversion_settings import complete_conversions
from shared.integrations.integration_check import CheckedStep

NAMED_REASONS: Final = 3  # reasons that a sentence names, the most frequent ones


@dataclass(frozen=True)
class PlatformWords:
    """What is said of a platform: its name, two letters for it, and what is needed to tell it of leads."""

    name: str
    initials: str
    note: str


PLATFORM_WORDS: Final[Mapping[str, PlatformWords]] = {
    "meta_conversions": PlatformWords("Meta", "Me", _("Facebook and Instagram; a dataset and its access token")),
    "google_data_manager": PlatformWords("Google", "Go", _("Google Ads; a conversion action and a service account")),
}
# The errors of deliveries that ended without an attempt, as the workers write them.
ENDED_WORDS: Final[Mapping[str, str]] = {
    "None of its events may be sent: the timelines of their leads say why.": _("none of its events may be sent"),
    "The two halves of the batch are sent by themselves.": _("divided: its two halves are sent by themselves"),
    "The integration is switched off.": _("switched off"),
}


def platform_name(type_: str) -> str:
    """Return the name of a platform, which is the same in every language."""
    return PLATFORM_WORDS[type_].name if type_ in PLATFORM_WORDS else INTEGRATION_TYPES[type_].name


def connection_state(view: PageView, report: ConversionReport) -> StateWords:
    """Return how a connection is."""
    if not report.is_active:
        return StateWords("off", view.translate("switched off"))
    if report.last_error:
        return StateWords("dead", view.translate("the last try failed"))
    if not complete_conversions(report.settings.get("conversions"))["events"]:
        return StateWords("waiting", view.translate("no events are set"))
    if report.answered_at is None:
        return StateWords("waiting", view.translate("nothing was sent yet"))
    if report.failed:
        return StateWords("waiting", view.translate_count("%(n)s failed", "%(n)s failed", report.failed))
    return StateWords("done", view.translate("well"))


def last_answer(view: PageView, report: ConversionReport) -> str:
    """Return the status of the last answer, otherwise why there was none; empty if nothing was tried."""
    if report.answered_at is None:
        return ""
    if report.status is not None:
        return str(report.status)
    return view.translate_choice(ERROR_WORDS, report.error or "", view.translate("no answer"))


def events_sentence(view: PageView, report: ConversionReport) -> str:
    """Return how many events a connection tells of."""
    count = len(complete_conversions(report.settings.get("conversions"))["events"])
    return view.translate_count("%(n)s event", "%(n)s events", count) if count else view.translate("no event")


def event_delivery_state(view: PageView, row: EventDelivery) -> StateWords:
    """Return what became of a delivery of events."""
    ended = ENDED_WORDS.get(row.error or "")
    if row.state == "cancelled" and ended:
        return StateWords("off", view.translate(ended))
    return delivery_state(view, row)


def machine_words(view: PageView, text: str | None) -> str:
    """Return why something failed. A platform's words may quote what is hidden from the reader."""
    return text if text and view.permits(Permission.SEE_PERSONS) else VALUE_MASK if text else ""


def delivery_content(view: PageView, row: EventDelivery) -> str:
    """Return what a delivery carries: a number of events, or a test event."""
    try:
        payload = orjson.loads(row.payload)
    except orjson.JSONDecodeError:
        payload = {}
    if "test" in payload:
        return view.translate("test event")
    count = payload.get("events")
    return view.translate_count("%(n)s event", "%(n)s events", count if isinstance(count, int) else 0)


def unsent_reason(view: PageView, event: UnsentEvent) -> str:
    """Return why an event of a delivery was not sent."""
    if event.state == "skipped":
        return view.translate_choice(SKIP_WORDS, event.reason or "")
    return view.translate("failed") if event.state == "failed" else view.translate("waits")


def skip_sentence(view: PageView, reasons: Mapping[str, int]) -> str:
    """Return why events were skipped, the most frequent reasons first."""
    named = sorted(reasons.items(), key=lambda one: -one[1])[:NAMED_REASONS]
    return " · ".join(
        f"{view.translate_choice(SKIP_WORDS, reason)} ({view.formatting.number(n)})" for reason, n in named
    )


def check_line(view: PageView, step: CheckedStep) -> DoctorLine:
    """Return a step of the check in the reader's language."""
    seen, advice = _STEP_WORDS[step.step](view, step)
    return DoctorLine(step.ok, seen, "" if step.ok else advice)


def _active_words(view: PageView, step: CheckedStep) -> tuple[str, str]:
    if step.code == "on":
        return view.translate("It is switched on: events are told."), ""
    return view.translate("It is switched off: no event is sent."), view.translate("Switch it on.")


def _credential_words(view: PageView, step: CheckedStep) -> tuple[str, str]:
    if step.code == "unreadable":
        advice = view.translate("Enter them again, or give the service the key that it had.")
        return view.translate("The secrets cannot be decrypted."), advice
    return view.translate("Its secrets are set."), ""


def _event_words(view: PageView, step: CheckedStep) -> tuple[str, str]:
    if step.code == "none":
        return view.translate("No events are set."), view.translate("Say which status or stage is which event: Edit.")
    return view.translate_count("%(n)s event is set.", "%(n)s events are set.", step.values["count"]), ""


def _skip_words(view: PageView, step: CheckedStep) -> tuple[str, str]:
    if step.code == "none":
        return view.translate("No recent event was skipped."), ""
    seen = view.translate("Recent events were skipped: %(reasons)s.", reasons=skip_sentence(view, step.values))
    if "consent_unknown" not in step.values:
        return seen, ""
    return seen, view.translate(
        "Ask for consent where leads come in, or have events sent without it if you have it by other means."
    )


def _sent_words(view: PageView, step: CheckedStep) -> tuple[str, str]:
    if step.code == "none":
        return view.translate("Nothing was sent yet."), view.translate("Send a test event.")
    counts: Mapping[str, Any] = step.values
    seen = view.translate(
        "Of the recent events: %(sent)s sent, %(waiting)s waiting, %(failed)s failed.",
        sent=view.formatting.number(counts["sent"]),
        waiting=view.formatting.number(counts["pending"]),
        failed=view.formatting.number(counts["failed"]),
    )
    if step.code == "failed":
        return f"{view.translate('The last try failed.')} {seen}", view.translate("Send a test event.")
    return seen, ""


_STEP_WORDS = {
    "active": _active_words,
    "credentials": _credential_words,
    "events": _event_words,
    "skipped": _skip_words,
    "last_sent": _sent_words,
}
