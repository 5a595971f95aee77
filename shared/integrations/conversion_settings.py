"""Define what an integration tells an ad platform of its leads: which events, and with whose consent. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.forms.field_definition import BlankAsNull
from shared.leads.lead_status import LeadStatus
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import RecordId, StrictFlag, Text64, text_constraints

CONVERSION_TYPES = ("meta_conversions", "google_data_manager")
DEFAULT_CONSENT_KEYS = ("ad_user_data",)  # as in Google's consent mode
DEFAULT_SOURCE_NAME = "LeadHub"
MAX_CONVERSION_EVENTS = 50
TRIGGER_FIELDS = ("created", "status", "stage_id")
ONE_TRIGGER_MESSAGE = "The {field} field must have exactly one of: created, status, stage_id."
NO_EVENT_NAME_MESSAGE = "The {field} field must name the event: event is required."
CURRENCY_MESSAGE = "The {field} field must have a currency if it has a value."
NO_CONVERSIONS_MESSAGE = "This type of integration sends no conversions."

EventName = Annotated[str, text_constraints(100, min_length=1)]
CurrencyCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
ConversionActionId = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,20}$")]
ConversionValue = Annotated[float, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]
ConsentKey = Annotated[str, text_constraints(1_000, min_length=1)]


class ConversionEvent(TypedDict, total=False):
    """An event, and when it is sent: when a lead is created, or gets a status, or comes to a stage.

    `event` is the name at the platform. `conversion_action` replaces the integration's own one, for Google.
    """

    created: StrictFlag
    status: LeadStatus
    stage_id: RecordId
    event: EventName
    value: ConversionValue | None
    currency: CurrencyCode | None
    conversion_action: ConversionActionId | None


def _check_event(event: ConversionEvent) -> ConversionEvent:
    if sum(bool(event.get(name)) for name in TRIGGER_FIELDS) != 1:
        raise custom_error(ONE_TRIGGER_MESSAGE)
    if "event" not in event:
        raise custom_error(NO_EVENT_NAME_MESSAGE)
    if event.get("value") is not None and not event.get("currency"):
        raise custom_error(CURRENCY_MESSAGE)
    return event


class ConversionSettings(TypedDict, total=False):
    """As they are sent, all together: a change replaces them.

    `without_consent`: whether events of leads are sent of whom no consent is known. `consent_keys`: the consents, by
    key or wording, that allow sending; a refusal of any of them forbids it. `lead_event_source`: the name that Meta
    shows for this system. `test_event_code`: Meta's, for test events.
    """

    events: Annotated[
        list[Annotated[ConversionEvent, AfterValidator(_check_event)]],
        Strict(),
        Field(max_length=MAX_CONVERSION_EVENTS),
    ]
    without_consent: Literal["skip", "send"]
    consent_keys: Annotated[list[ConsentKey], Strict(), Field(min_length=1, max_length=20)]
    lead_event_source: BlankAsNull[Text64]
    test_event_code: BlankAsNull[Text64]


class ConversionSettingsRecord(TypedDict):
    """As they are shown: all of them."""

    events: list[ConversionEvent]
    without_consent: Literal["skip", "send"]
    consent_keys: list[str]
    lead_event_source: str
    test_event_code: str | None


def complete_conversions(stored: Mapping[str, Any] | None) -> ConversionSettingsRecord:
    """Return stored settings, with defaults for those that are not set."""
    conversions = stored or {}
    return {
        "events": conversions.get("events") or [],
        "without_consent": conversions.get("without_consent") or "skip",
        "consent_keys": conversions.get("consent_keys") or list(DEFAULT_CONSENT_KEYS),
        "lead_event_source": conversions.get("lead_event_source") or DEFAULT_SOURCE_NAME,
        "test_event_code": conversions.get("test_event_code"),
    }


def conversion_stages(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the stages that an integration's settings name for events, by the name of their field."""
    events = (settings.get("conversions") or {}).get("events") or []
    return {
        f"settings.conversions.events.{place}.stage_id": event["stage_id"]
        for place, event in enumerate(events)
        if "stage_id" in event
    }
