"""The events that an ad platform is told of: as a page shows them, as rows of a form, and as the form sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.console.leads.reads import ListNames
from services.console.leads.words import STATUS_WORDS
from services.console.web.page_view import PageView
from shared.integrations.conversion_settings import (
    CURRENCY_MESSAGE,
    MAX_CONVERSION_EVENTS,
    NO_EVENT_NAME_MESSAGE,
    ConversionEvent,
)
from shared.platform.errors import FieldErrors

BLANK_ROWS: Final = 3  # that the form has for more events
EVENTS_PATH: Final = "settings.conversions.events"
CREATED: Final = "created"
MAX_ID_DIGITS: Final = 18
MAX_VALUE_LENGTH: Final = 400  # characters; longer texts are no number


@dataclass(frozen=True)
class EventLine:
    """An event as the page of a connection shows it."""

    trigger: str
    event: str
    value: str
    conversion_action: str


@dataclass(frozen=True)
class EventRow:
    """An event as a row of the form, all texts as they were typed. `trigger` is `created`, `status:…` or `stage:…`."""

    trigger: str = ""
    event: str = ""
    value: str = ""
    currency: str = ""
    conversion_action: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed or chosen."""
        return not any((self.trigger, self.event, self.value, self.currency, self.conversion_action))


def event_lines(view: PageView, events: Sequence[ConversionEvent], names: ListNames) -> list[EventLine]:
    """Return the events of a connection in words."""
    return [
        EventLine(
            trigger_words(view, stored_row(event).trigger, names),
            event.get("event", ""),
            _value_words(view, event),
            event.get("conversion_action") or "",
        )
        for event in events
    ]


def trigger_words(view: PageView, trigger: str, names: ListNames) -> str:
    """Return when an event is sent."""
    kind, _, of = trigger.partition(":")
    if kind == CREATED:
        return view.translate("A lead is new")
    if kind == "status":
        return view.translate("Status: %(name)s", name=view.translate_choice(STATUS_WORDS, of))
    stage = names.stages.get(int(of)) if of.isascii() and of.isdigit() else None
    if stage is None:
        return view.translate("A stage that was deleted")
    return view.translate("Stage: %(name)s", name=f"{names.pipelines.get(stage.pipeline_id, '')}: {stage.name}")


def trigger_groups(view: PageView, names: ListNames) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what can be chosen for an event, by headings: a lead is new, its status, the stages of each pipeline."""
    statuses = [(f"status:{status}", view.translate(word)) for status, word in STATUS_WORDS.items()]
    stages: dict[int, list[tuple[str, str]]] = {pipeline_id: [] for pipeline_id in names.pipelines}
    for id_, stage in names.stages.items():
        stages.setdefault(stage.pipeline_id, []).append((f"stage:{id_}", stage.name))
    return [
        (view.translate("A lead"), [(CREATED, view.translate("is new"))]),
        (view.translate("It has the status"), statuses),
        *(
            (view.translate("It comes to a stage of %(name)s", name=names.pipelines.get(pipeline_id, "")), choices)
            for pipeline_id, choices in stages.items()
            if choices
        ),
    ]


def stored_row(event: ConversionEvent) -> EventRow:
    """Return an event as a row of the form."""
    if event.get("created"):
        trigger = CREATED
    elif "status" in event:
        trigger = f"status:{event['status']}"
    else:
        trigger = f"stage:{event.get('stage_id', 0)}"
    value = event.get("value")
    return EventRow(
        trigger,
        event.get("event", ""),
        "" if value is None else repr(value).removesuffix(".0"),
        event.get("currency") or "",
        event.get("conversion_action") or "",
    )


def sent_rows(form: Mapping[str, str]) -> list[EventRow]:
    """Return the rows of a form that are not blank, at most one more than there may be events."""
    rows = [
        EventRow(
            form.get(f"trigger_{place}", "").strip(),
            form.get(f"event_{place}", "").strip(),
            form.get(f"value_{place}", "").strip(),
            form.get(f"currency_{place}", "").strip().upper(),
            form.get(f"conversion_action_{place}", "").strip(),
        )
        for place in range(MAX_CONVERSION_EVENTS + BLANK_ROWS)
    ]
    return [row for row in rows if not row.is_blank][: MAX_CONVERSION_EVENTS + 1]


def padded_rows(rows: Sequence[EventRow]) -> list[EventRow]:
    """Return the rows with blank ones behind them, as far as there may be more events."""
    return [*rows, *[EventRow()] * BLANK_ROWS][: max(MAX_CONVERSION_EVENTS, len(rows))]


def event_of_row(row: EventRow) -> dict[str, Any]:
    """Return a row as the API takes an event. What it does not take stays as it was typed, and is refused."""
    event: dict[str, Any] = {}
    kind, _, of = row.trigger.partition(":")
    if kind == CREATED:
        event["created"] = True
    elif kind == "status":
        event["status"] = of
    elif kind == "stage":
        event["stage_id"] = int(of) if of.isascii() and of.isdigit() and len(of) <= MAX_ID_DIGITS else 0
    if row.event:
        event["event"] = row.event
    if row.value:
        event["value"] = _number(row.value)
    if row.currency:
        event["currency"] = row.currency
    if row.conversion_action:
        event["conversion_action"] = row.conversion_action
    return event


def row_problems(view: PageView, errors: FieldErrors) -> dict[int, str]:
    """Return what is wrong with the rows of a form, by their places."""
    problems: dict[int, str] = {}
    for path, messages in errors.items():
        place, _, field = path.removeprefix(f"{EVENTS_PATH}.").partition(".")
        if path.startswith(f"{EVENTS_PATH}.") and place.isdigit():
            problems.setdefault(int(place), _row_problem(view, field, messages[0]))
    return problems


def _row_problem(view: PageView, field: str, message: str) -> str:
    sentences = {
        "event": view.translate("Write the name of the event, of at most 100 characters."),
        "value": view.translate("The value must be a number from 0 to 1,000,000,000, with a point before decimals."),
        "currency": view.translate("The currency must be three letters, such as EUR."),
        "conversion_action": view.translate("A conversion action has digits only."),
        "stage_id": view.translate("This stage is not there any more. Choose another one."),
    }
    if field in sentences:
        return sentences[field]
    if message.endswith(_ending(NO_EVENT_NAME_MESSAGE)):
        return sentences["event"]
    if message.endswith(_ending(CURRENCY_MESSAGE)):
        return view.translate("A value needs a currency.")
    return view.translate("Choose when it is sent.")


def _ending(message: str) -> str:
    return message.partition("{field}")[2]


def _value_words(view: PageView, event: ConversionEvent) -> str:
    value = event.get("value")
    if value is None:
        return ""
    digits = 0 if value == int(value) else 2
    return f"{view.formatting.number(value, digits)} {event.get('currency') or ''}".strip()


def _number(text: str) -> float | str:
    try:
        return float(text[:MAX_VALUE_LENGTH])
    except ValueError:
        return text
