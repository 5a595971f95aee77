"""Gravity Forms: the inputs of a field are told apart by their numbers."""

import pytest

from shared.integrations.providers import gravity_forms
from tests.support.provider_requests import read_form, read_one

pytestmark = pytest.mark.unit


def test_gravity_forms_inputs_tell_names_addresses_and_consents() -> None:
    entry = {
        "id": 12,
        "form_id": 3,
        "date_created": "2026-02-06 13:31:59",
        "2.2": "Ms",
        "2.3": "Ada",
        "2.4": "",
        "2.6": "Example",
        "2.8": "",
        "3": "(415) 555-0123",
        "4": "ada@example.com",
        "5.1": "1 Road",
        "5.2": "",
        "5.3": "Berlin",
        "5.4": "",
        "5.5": "10115",
        "5.6": "Germany",
        "6.1": "1",
        "6.2": "I agree to the policy.",
        "6.3": "4",
        "7.1": "Red",
        "7.2": "",
        "7.3": "Blue",
        "8": "1000.50",
        "9": "12:30 pm",
        "Company": "Sample Ltd",
        "utm_source": "ads",
    }
    event = read_one(gravity_forms.PROVIDER, entry)
    assert event.event_id == "3:12"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Example",
        "phone": "(415) 555-0123",
        "country": "Germany",
        "email": "ada@example.com",
        "company": "Sample Ltd",
        "custom_fields": {
            "field_2_prefix": "Ms",
            "field_5": "1 Road, Berlin, 10115, Germany",
            "field_7": ["Red", "Blue"],
            "field_8": "1000.50",
            "field_9": "12:30 pm",
        },
    }
    assert event.attribution["consent"] == {"I agree to the policy.": True}
    assert event.attribution["utm_source"] == "ads"
    posted = read_form(gravity_forms.PROVIDER, {key: str(value) for key, value in entry.items()})
    assert (posted.event_id, posted.lead, posted.attribution) == (event.event_id, event.lead, event.attribution)
