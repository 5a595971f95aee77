"""Typeform: answers of every type are read."""

from typing import Any

import pytest

from shared.integrations.providers import typeform
from tests.support.provider_requests import read_one

pytestmark = pytest.mark.unit

TYPEFORM_FIELDS = [
    {
        "id": "c",
        "title": "Contact",
        "type": "contact_info",
        "properties": {
            "fields": [
                {"id": "c1", "title": "Given", "type": "short_text", "subfield_key": "first_name"},
                {"id": "c2", "title": "Reach you", "type": "phone_number", "subfield_key": "phone_number"},
                {"id": "c3", "title": "Who pays", "type": "short_text", "subfield_key": "company"},
            ]
        },
    },
    {"ref": "mail", "title": "Where to write, {{field:c1}}?", "type": "email"},
    {"id": "f", "title": "CV", "type": "file_upload"},
    {"id": "p", "title": "Deposit", "type": "payment"},
    {"id": "k", "title": "Slot", "type": "calendly"},
    {"id": "r", "title": "Best first", "type": "ranking"},
    {"id": "o", "title": "Colour", "type": "multiple_choice"},
    {"id": "n", "title": "Position", "type": "rating"},
    {"id": "d", "title": "Country of birth", "type": "date"},
    {"id": "l", "title": "You may call me", "type": "legal"},
]
TYPEFORM_ANSWERS: list[Any] = [
    {"type": "text", "text": "Ада", "field": {"id": "c1", "type": "short_text"}},
    {"type": "phone_number", "phone_number": "+14155550123", "field": {"id": "c2", "type": "phone_number"}},
    {"type": "text", "text": "Sample Ltd", "field": {"id": "c3", "type": "short_text"}},
    {"type": "email", "email": "ada@example.com", "field": {"ref": "mail", "type": "email"}},
    {"type": "file_url", "file_url": "https://files.example.com/cv.pdf", "field": {"id": "f"}},
    {"type": "payment", "payment": {"amount": "1.50", "last4": "4242", "name": "A B"}, "field": {"id": "p"}},
    {"type": "url", "url": "https://calendly.com/x", "field": {"id": "k", "type": "calendly"}},
    {"type": "choices", "choices": {"labels": ["B", "A"], "ids": ["1", "2"]}, "field": {"id": "r"}},
    {"type": "choice", "choice": {"other": "teal"}, "field": {"id": "o"}},
    {"type": "number", "number": 4, "field": {"id": "n", "type": "rating"}},
    {"type": "date", "date": "1990-01-01", "field": {"id": "d", "type": "date"}},
    {"type": "boolean", "boolean": False, "field": {"id": "l", "type": "legal"}},
    {"type": "text", "field": None},
    None,
]


def typeform_body(answers: list[Any], fields: list[Any], **response: Any) -> dict[str, Any]:
    definition = {"fields": fields}
    return {"event_type": "form_response", "form_response": {"answers": answers, "definition": definition, **response}}


def test_typeform_answers_of_every_type_are_read() -> None:
    body = typeform_body(
        TYPEFORM_ANSWERS,
        TYPEFORM_FIELDS,
        token="t1",
        hidden={"gclid": "g1", "plan": "pro"},
        variables=[{"key": "score", "type": "number", "number": 7}, {"key": "tier", "type": "text", "text": "A"}],
    )
    event = read_one(typeform.PROVIDER, body)
    assert event.lead == {
        "first_name": "Ада",
        "phone": "+14155550123",
        "company": "Sample Ltd",
        "email": "ada@example.com",
        "custom_fields": {
            "cv": "https://files.example.com/cv.pdf",
            "deposit": {"amount": "1.50", "last4": "4242", "name": "A B"},
            "slot": "https://calendly.com/x",
            "best_first": ["B", "A"],
            "colour": "teal",
            "position": 4,
            "country_of_birth": "1990-01-01",
            "plan": "pro",
            "score": 7,
            "tier": "A",
        },
    }
    assert event.attribution == {
        "click_ids": {"gclid": "g1"},
        "consent": {"You may call me": False},
        "provider_lead_id": "t1",
    }


def test_a_partial_response_of_typeform_is_ignored() -> None:
    event = read_one(typeform.PROVIDER, {"event_type": "form_response_partial", "form_response": {"token": "t"}})
    assert (event.kind, event.note) == ("ignored", "form_response_partial")
