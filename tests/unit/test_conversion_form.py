"""The form of conversions: events become rows and events again, and wrong rows are named."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.conversions.event_rows import (
    BLANK_ROWS,
    EventRow,
    event_of_row,
    padded_rows,
    sent_rows,
    stored_row,
)
from services.console.conversions.words import PLATFORM_WORDS
from shared.integrations.conversion_settings import CONVERSION_TYPES, MAX_CONVERSION_EVENTS
from shared.integrations.integration_fields import CHANGED_INTEGRATION

pytestmark = pytest.mark.unit

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=100)
TRIGGERS = st.one_of(
    st.just({"created": True}),
    st.builds(lambda status: {"status": status}, st.sampled_from(["new", "qualified", "lost"])),
    st.builds(lambda stage: {"stage_id": stage}, st.integers(1, 2**53 - 1)),
)
VALUES = st.one_of(
    st.just({}),
    st.builds(
        lambda value: {"value": value, "currency": "EUR"},
        st.floats(0, 1_000_000_000, allow_nan=False, allow_infinity=False),
    ),
)
EVENTS = st.lists(
    st.builds(lambda trigger, name, value: {**trigger, "event": name, **value}, TRIGGERS, NAMES, VALUES),
    max_size=MAX_CONVERSION_EVENTS,
)


def form_of(rows: list[EventRow]) -> dict[str, str]:
    """Rows as a browser sends them."""
    names = ("trigger", "event", "value", "currency", "conversion_action")
    return {f"{name}_{place}": getattr(row, name) for place, row in enumerate(rows) for name in names}


@given(EVENTS)
def test_a_form_that_is_saved_as_it_was_shown_changes_nothing(events: list[dict[str, Any]]) -> None:
    shown = padded_rows([stored_row(event) for event in events])  # type: ignore[arg-type]
    sent = [event_of_row(row) for row in sent_rows(form_of(shown))]
    assert sent == events
    settings = {"settings": {"conversions": {"events": sent}}}
    fields, errors = CHANGED_INTEGRATION.validate_fields(settings)
    assert (errors, fields["settings"]["conversions"]["events"]) == ({}, events)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (EventRow(event="Lead"), ""),
        (EventRow("created"), ""),
        (EventRow("created", "x" * 101), ".event"),
        (EventRow("status:gone", "Lead"), ".status"),
        (EventRow("stage:x", "Lead"), ".stage_id"),
        (EventRow("stage:" + "9" * 500, "Lead"), ".stage_id"),
        (EventRow("else", "Lead"), ""),
        (EventRow("created", "Lead", "1,000", "EUR"), ".value"),
        (EventRow("created", "Lead", "-1", "EUR"), ".value"),
        (EventRow("created", "Lead", "1e400", "EUR"), ".value"),
        (EventRow("created", "Lead", "nan", "EUR"), ".value"),
        (EventRow("created", "Lead", "1"), ""),
        (EventRow("created", "Lead", "1", "€"), ".currency"),
        (EventRow("created", "Lead", conversion_action="12a"), ".conversion_action"),
        (EventRow("created", "a\0b"), ".event"),
    ],
)
def test_a_wrong_row_is_refused_by_its_place(row: EventRow, field: str) -> None:
    events = [event_of_row(each) for each in (EventRow("created", "Lead"), row)]
    _, errors = CHANGED_INTEGRATION.validate_fields({"settings": {"conversions": {"events": events}}})
    assert list(errors) == [f"settings.conversions.events.1{field}"]


def test_a_form_has_no_more_rows_than_there_may_be_events() -> None:
    full = [EventRow("created", f"Event {place}") for place in range(MAX_CONVERSION_EVENTS + BLANK_ROWS)]
    assert len(padded_rows(full[:MAX_CONVERSION_EVENTS])) == MAX_CONVERSION_EVENTS
    assert len(sent_rows(form_of(full))) == MAX_CONVERSION_EVENTS + 1  # so that too many are refused
    assert padded_rows([]) == [EventRow()] * BLANK_ROWS


def test_every_platform_has_its_words() -> None:
    assert PLATFORM_WORDS.keys() == set(CONVERSION_TYPES)
