"""Elementor: simple and advanced data are read."""

from typing import Any

import pytest

from shared.integrations.providers import elementor
from tests.support.provider_requests import read_form

pytestmark = pytest.mark.unit


def test_elementor_labels_may_be_missing_and_the_request_is_no_answer() -> None:
    event = read_form(
        elementor.PROVIDER,
        {
            "No Label field_1": "ada@example.com",
            "No Label name": "Ada Example",
            "Budget [EUR]": "10",
            "utm_medium": "cpc",
            "I agree to the terms and conditions": "on",
            "Date": "May 1, 2026",
            "Time": "1:00 pm",
            "Page URL": "https://www.example.com/?utm_source=ads",
            "User Agent": "Mozilla/5.0",
            "Remote IP": "192.0.2.1",
            "Powered by": "Elementor",
            "form_id": "f1",
            "form_name": "Contact",
        },
    )
    assert event.event_id is None
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "custom_fields": {"budget_eur": "10"},
    }
    assert event.attribution == {
        "form_id": "f1",
        "page_url": "https://www.example.com/?utm_source=ads",
        "utm_source": "ads",
        "utm_medium": "cpc",
        "consent": {"I agree to the terms and conditions": True},
    }
    assert read_form(elementor.PROVIDER, {"Date": "2026-05-01"}).lead == {"custom_fields": {"date": "2026-05-01"}}


def test_elementor_fields_are_read_by_type() -> None:
    fields: dict[str, Any] = {
        "a": {"type": "acceptance", "title": "Call me", "value": ""},
        "p": {"type": "password", "title": "Password", "value": "hunter2"},
        "m": {"type": "email", "title": "", "value": "ada@example.com"},
        "n": "Ada",
        "utm_source": {"type": "hidden", "title": "", "value": "ads"},
        "file": {"type": "upload", "title": "File", "value": "https://www.example.com/a.pdf"},
    }
    pairs: dict[str, str] = {
        f"fields[{name}][{part}]" if isinstance(field, dict) else f"fields[{name}]": value
        for name, field in fields.items()
        for part, value in (field.items() if isinstance(field, dict) else [("", field)])
    }
    event = read_form(elementor.PROVIDER, pairs)
    assert event.lead == {
        "email": "ada@example.com",
        "custom_fields": {"n": "Ada", "file": "https://www.example.com/a.pdf"},
    }
    assert event.attribution == {"utm_source": "ads", "consent": {"Call me": False}}
