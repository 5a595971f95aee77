"""Jotform: answers of several parts are joined."""

import json
from typing import Any

import pytest

from shared.integrations.providers import jotform
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import UnreadableBody
from tests.support.provider_requests import read_form

pytestmark = pytest.mark.unit


def jotform_event(raw: dict[str, Any], **fields: str) -> SourceEvent:
    return read_form(jotform.PROVIDER, {"submissionID": "9", "formID": "1", "rawRequest": json.dumps(raw), **fields})


def test_jotform_answers_of_several_parts_are_joined() -> None:
    event = jotform_event(
        {
            "slug": "submit/1",
            "q3_fullName": {"prefix": "Dr.", "first": "Ada", "middle": "King", "last": "O&#039;Example"},
            "q4_contactNumber": {"country": "+49", "area": "30", "phone": "5550123"},
            "q5_typeA": "ada@example.com",
            "q6_homeAddress": {"addr_line1": "1 Road", "city": "Berlin", "postal": "10115", "country": "Germany"},
            "q7_bestDay": {"month": "6", "day": "18", "year": "2026", "hour": "01", "min": "29", "ampm": "PM"},
            "q8_visit": {
                "date": "2026-06-19 10:00",
                "duration": "60",
                "timezone": "Europe/Berlin",
                "implementation": "x",
            },
            "q9_howDid9": "Friends &amp; family",
            "q10_terms": "I agree to the privacy policy",
            "q11_signature": "data:image/png;base64,AAAA",
            "q12_utmSource": "newsletter",
            "q13_empty": {"month": "", "day": "", "year": ""},
            "uploadCv": ["https://www.jotform.com/uploads/x/cv.pdf"],
            "event_id": "1_2_3",
        },
        pretty="Full Name:Dr. Ada, How did you hear of us?:Friends, Type A:x",
    )
    assert event.event_id == "9"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "O'Example",
        "phone": "+49 30 5550123",
        "country": "Germany",
        "email": "ada@example.com",
        "custom_fields": {
            "full_name_prefix": "Dr.",
            "full_name_middle": "King",
            "home_address": "1 Road, Berlin, 10115, Germany",
            "best_day": "2026-06-18 01:29 PM",
            "visit": "2026-06-19 10:00 Europe/Berlin",
            "how_did_you_hear_of_us": "Friends & family",
            "upload_cv": ["https://www.jotform.com/uploads/x/cv.pdf"],
        },
    }
    assert event.attribution["consent"] == {"terms": True}
    assert event.attribution["utm_source"] == "newsletter"
    assert event.document["rawRequest"]["q3_fullName"]["first"] == "Ada"


def test_jotform_without_readable_answers_is_unreadable() -> None:
    for fields in ({"rawRequest": "nonsense"}, {"rawRequest": "[]"}, {"other": "1"}):
        with pytest.raises(UnreadableBody):
            read_form(jotform.PROVIDER, fields)
