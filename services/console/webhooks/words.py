"""Sentences of the pages of webhooks: events, how a receiver is, and what became of a delivery."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _
from services.console.webhooks.delivery_reads import DeliveryRow
from services.console.webhooks.reads import WebhookFigures, WebhookReport
from shared.outbound.subscription_expressions import MAPPING_FAILED
from shared.outbound.subscription_fields import ALL_EVENTS, MAX_RATE
from shared.outbound.subscription_filters import MAX_SOURCES
from shared.outbound.subscriptions import MAX_EXPRESSION_FILTERS

NAMED_EVENTS: Final = 2  # events that a line of the list names; more are counted
MAX_NAME_LENGTH: Final = 80  # characters of a description that stands for a name
SLOW_MS: Final = 5_000  # of a p95 from which on a receiver is slow
FAILING_SHARE: Final = 0.05  # of attempts from which on a receiver is not well
FAILING: Final = 5  # failures in a row from which on first tries wait

# By event: its name, and when it is sent.
EVENT_WORDS: Final[dict[str, tuple[str, str]]] = {
    "lead.created": (_("New leads"), _("A lead came that was not known, by any channel.")),
    "lead.updated": (_("Changed leads"), _("Fields, notes or tags of a lead changed.")),
    "lead.deleted": (_("Deleted leads"), _("A lead was deleted. The message has its last state.")),
    "lead.merged": (_("Merges"), _("Two leads became one.")),
    "lead.unmerged": (_("Undone merges"), _("A merge was taken back: both leads are there again.")),
    "lead.duplicate": (_("Known persons"), _("A lead came whose email or phone was known.")),
    "lead.stage_changed": (_("Moves"), _("A lead moved to another stage of a pipeline.")),
    "lead.assigned": (_("Assignments"), _("A lead has another owner.")),
    "tag.added": (_("Tags"), _("A lead was given a tag. Each tag is a message of its own.")),
    "form.submitted": (_("Forms"), _("Somebody filled in a form.")),
    "source.silent": (_("Silent sources"), _("A source sent no lead for as long as its alarm says.")),
}
# The reasons for which a subscription is switched off by itself, as the workers write them.
DISABLED_REASONS: Final[dict[str, str]] = {
    text: text
    for text in (
        _("The receiver answered 410: it wants no more."),
        _("Nothing was taken for about a day: every attempt at a delivery failed, and no other succeeded meanwhile."),
    )
}
STATE_FILTERS: Final[dict[str, str]] = {
    "": _("All"),
    "pending": _("Waiting"),
    "failed": _("Failed"),
    "sent": _("Taken"),
    "cancelled": _("Cancelled"),
}
# Why an attempt had no answer, as the workers write it.
ERROR_WORDS: Final[dict[str, str]] = {
    "The address is not one that requests may go to.": _("the address is private"),
    MAPPING_FAILED: _("the mapping gave no body"),
    "The subscription is disabled.": _("switched off"),
    "The subscription was disabled.": _("switched off"),
    "It was cancelled by hand.": _("cancelled by hand"),
    "The subscription was deleted.": _("deleted"),
    "The sender ended before an answer came.": _("no answer"),
    "The attempt failed on our side.": _("failed on our side"),
    "The host name could not be resolved.": _("the host has no address"),
    "The address is not valid.": _("the address is not valid"),
    "The connection was closed before an answer came.": _("hung up before an answer"),
    "The certificate of the server could not be verified.": _("the certificate is not valid"),
    "The encrypted connection could not be made.": _("no encrypted connection"),
    "No answer came within 20 s.": _("no answer in 20 s"),
    "The connection could not be made.": _("cannot be reached"),
    "The answer was no HTTP, or had too many or too long headers.": _("the answer was no HTTP"),
}


@dataclass(frozen=True)
class StateWords:
    """A state as a mark and a text: `kind` is that of `state(…)`."""

    kind: str
    text: str


def event_name(view: PageView, event: str) -> str:
    """Return the name of an event."""
    words = EVENT_WORDS.get(event)
    return view.translate(words[0]) if words else event


def events_line(view: PageView, events: list[str]) -> str:
    """Return a subscription's events in a few words."""
    if ALL_EVENTS in events:
        return view.translate("all events")
    if len(events) > NAMED_EVENTS:
        return view.translate_count("%(n)s event", "%(n)s events", len(events))
    return " · ".join(event_name(view, event) for event in events)


def receiver_name(url: str, description: str | None = None) -> str:
    """Return what a receiver is called: its description, otherwise its host."""
    said = " ".join((description or "").split())
    if said:
        return said if len(said) <= MAX_NAME_LENGTH else f"{said[:MAX_NAME_LENGTH]}…"
    return urlsplit(url).netloc.rpartition("@")[2] or url


def shown_url(view: PageView, url: str, *, is_whole: bool) -> str:
    """Return an address, or its host alone: whoever knows the whole may post there."""
    if is_whole:
        return url
    return f"{urlsplit(url).scheme}://{receiver_name(url)}/{VALUE_MASK}"


def disabled_reason(view: PageView, reason: str | None) -> str:
    """Return why a subscription is off."""
    if reason is None:
        return view.translate("Somebody switched it off.")
    return view.translate_choice(DISABLED_REASONS, reason)


def receiver_state(view: PageView, report: WebhookReport) -> StateWords:
    """Return how a receiver is, by its newest deliveries."""
    if not report.is_active:
        return StateWords("off", view.translate("switched off"))
    if report.failures >= FAILING:
        failed = view.translate_count("failed %(n)s time in a row", "failed %(n)s times in a row", report.failures)
        return StateWords("dead", failed)
    if report.failed and report.failed >= FAILING_SHARE * report.tried:
        share = view.formatting.percent(report.failed, report.tried)
        return StateWords("waiting", view.translate("%(share)s fail", share=share))
    if report.p95 is not None and report.p95 >= SLOW_MS:
        return StateWords("waiting", view.translate("slow"))
    if report.failures:
        return StateWords("waiting", view.translate("the last try failed"))
    if report.last_at is None:
        return StateWords("waiting", view.translate("nothing sent today"))
    return StateWords("done", view.translate("well"))


def list_figure(view: PageView, report: WebhookReport) -> str:
    """Return the one figure of a line of the list: what waits, otherwise failures, otherwise how fast it answers."""
    shown = view.formatting
    if not report.is_active:
        since = f" {shown.short_date(report.disabled_at)}" if report.disabled_at else ""
        return view.translate("off") + since
    if report.is_waiting_cut:
        return view.translate("over %(n)s wait", n=shown.number(report.waiting))
    if report.waiting:
        return view.translate_count("%(n)s waiting", "%(n)s waiting", report.waiting)
    return f"p95 {shown.milliseconds(report.p95)}" if report.p95 is not None else shown.age(report.last_at)


def window_sentence(view: PageView, figures: WebhookFigures, most: int) -> str:
    """Return of what the figures are."""
    if figures.deliveries < most:
        return view.translate("attempts of the last 24 hours")
    return view.translate(
        "attempts of the last 24 hours, of the newest %(n)s deliveries", n=view.formatting.number(most)
    )


def delivery_state(view: PageView, row: DeliveryRow) -> StateWords:
    """Return what became of a delivery."""
    if row.state == "sent":
        return StateWords("done", str(row.status or view.translate("taken")))
    if row.sending_since is not None and row.state == "pending":
        return StateWords("waiting", view.translate("being sent"))
    answer = _answer(view, row)
    if row.state == "pending":
        if not row.tries:
            return StateWords("waiting", view.translate("waits for its turn"))
        return StateWords("waiting", view.translate("%(answer)s, again %(time)s", answer=answer, time=_due(view, row)))
    if row.state == "failed":
        return StateWords("dead", answer)
    return StateWords("off", answer if row.error else view.translate("cancelled"))


def _answer(view: PageView, row: DeliveryRow) -> str:
    """Return the status of the last answer, otherwise why there was none, in short."""
    if row.status is not None and row.state != "cancelled":
        return str(row.status)
    error = row.error or ""
    words = ERROR_WORDS.get(MAPPING_FAILED if error.startswith(MAPPING_FAILED) else error)
    return view.translate(words) if words else view.translate("no answer")


def _due(view: PageView, row: DeliveryRow) -> str:
    seconds = (row.due_at - view.formatting.now).total_seconds()
    if seconds < 1:
        return view.translate("at once")
    return view.translate("in %(time)s", time=view.formatting.duration(seconds))


def person_name(row: DeliveryRow) -> str:
    """Return the name of the lead that a delivery is about, or its email."""
    return " ".join(filter(None, (row.first_name, row.last_name))) or row.email or ""


def form_problems(view: PageView, errors: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with a form, by field."""
    problems = {}
    for name, messages in errors.items():
        field = name.partition(".")[0]
        if field == "url":
            problems[field] = _url_problem(view, messages[0])
        elif field == "events":
            problems[field] = view.translate("Choose at least one event.")
        elif field == "max_per_minute":
            problems[field] = view.translate("A whole number from 1 to %(n)s.", n=view.formatting.number(MAX_RATE))
        elif field == "filter_expression":  # `expression_problems` says what is wrong with its text
            problems[field] = view.translate(
                "The workspace has %(n)s webhooks with a filter expression, and may have no more. "
                "Remove the expression of another one first.",
                n=view.formatting.number(MAX_EXPRESSION_FILTERS),
            )
        elif field == "filters":
            problems[field] = _filter_problem(view, name)
        else:
            problems[field] = view.translate("At most 10,000 characters, and no control characters.")
    return problems


def _filter_problem(view: PageView, name: str) -> str:
    if name.startswith(("filters.form_id", "filters.stage_id")):
        return view.translate("This form or stage is not there any more. Choose another one.")
    return view.translate(
        "At most %(n)s sources, and names of at most 255 characters, without control characters.", n=MAX_SOURCES
    )


def _url_problem(view: PageView, message: str) -> str:
    if "private address" in message:
        return view.translate(
            "This is a private address: nothing is sent there unless the operator allows it (LEADHUB_ALLOWED_TARGETS)."
        )
    return view.translate(
        "Write a whole address that begins with https:// or http://, without a name and a password in it."
    )
