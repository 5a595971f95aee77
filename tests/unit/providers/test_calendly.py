"""Calendly: bookings and answered routing forms are read."""

from typing import Any

import pytest

from shared.integrations.providers import calendly
from tests.support.provider_requests import read_one

pytestmark = pytest.mark.unit


def calendly_body(event: str = "invitee.created", **payload: Any) -> dict[str, Any]:
    uri = "https://api.calendly.com/scheduled_events/E/invitees/I"
    return {"event": event, "created_at": "2026-01-01T00:00:00Z", "payload": {"uri": uri, **payload}}


def test_a_booking_by_phone_bears_number_and_answers() -> None:
    event = read_one(
        calendly.PROVIDER,
        calendly_body(
            name="Ada van Example",
            email="ada@example.com",
            first_name=None,
            questions_and_answers=[
                {"question": "Company", "answer": "Sample Ltd", "position": 0},
                {"question": "Team size?", "answer": "10\n20", "position": 1},
            ],
            tracking={"utm_source": "ads", "utm_term": None, "salesforce_uuid": "sf1"},
            scheduled_event={"name": "Call", "location": {"type": "outbound_call", "location": "+14155550123"}},
        ),
    )
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "van Example",
        "email": "ada@example.com",
        "phone": "+14155550123",
        "company": "Sample Ltd",
        "custom_fields": {"team_size": "10\n20", "salesforce_uuid": "sf1", "meeting": "Call"},
    }
    assert event.attribution["utm_source"] == "ads"


def test_an_answered_routing_form_is_a_lead_that_its_booking_meets() -> None:
    form = read_one(
        calendly.PROVIDER,
        calendly_body(
            "routing_form_submission.created",
            uri="https://api.calendly.com/routing_form_submissions/R",
            routing_form="https://api.calendly.com/routing_forms/F",
            questions_and_answers=[
                {"question_uuid": "1", "question": "Name", "answer": "Ada Example"},
                {"question_uuid": "2", "question": "Where may we write?", "answer": "ada@example.com"},
                {"question_uuid": "3", "question": "Industry", "answer": "IT & Software"},
            ],
        ),
    )
    assert form.lead == {
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "custom_fields": {"industry": "IT & Software"},
    }
    booking = read_one(
        calendly.PROVIDER, calendly_body(routing_form_submission="https://api.calendly.com/routing_form_submissions/R")
    )
    assert form.external_id == booking.external_id == "https://api.calendly.com/routing_form_submissions/R"
    assert form.event_id != booking.event_id


@pytest.mark.parametrize(
    "name",
    "invitee.canceled invitee_no_show.created invitee_no_show.deleted event_type.created contact.created".split(),
)
def test_other_events_of_calendly_are_ignored(name: str) -> None:
    event = read_one(calendly.PROVIDER, calendly_body(name, email="ada@example.com", rescheduled=True))
    assert (event.kind, event.note) == ("ignored", name)
