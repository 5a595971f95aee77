"""Tally: choices are looked up, and consents are kept apart."""

from typing import Any

import pytest

from shared.integrations.providers import tally
from tests.support.provider_requests import read_one

pytestmark = pytest.mark.unit


def tally_field(type_: str, label: str | None, value: Any, key: str = "question_x", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": label, "type": type_, "value": value, **more}


COLOURS = [{"id": "a", "text": "Red"}, {"id": "b", "text": "Blue"}]
TERMS = [{"id": "t", "text": "I agree to the terms"}, {"id": "n", "text": "I consent to the newsletter"}]
TALLY_FIELDS = [
    tally_field("INPUT_TEXT", "Name", "Zoë Ünal"),
    tally_field("INPUT_EMAIL", None, "zoe@example.com"),
    tally_field("CHECKBOXES", "Colours", ["b", "a"], "question_c", options=COLOURS),
    tally_field("CHECKBOXES", "Colours (Red)", True, "question_c_a"),
    tally_field("CHECKBOXES", "Colours (Blue)", True, "question_c_b"),
    tally_field("CHECKBOXES", None, ["t"], "question_t", options=TERMS),
    tally_field("CHECKBOXES", "I agree to the terms", True, "question_t_t"),
    tally_field("DROPDOWN", "Country", ["a"], options=[{"id": "a", "text": "Türkiye"}]),
    tally_field("MULTIPLE_CHOICE", "Old form", "b", options=COLOURS),
    tally_field("MULTIPLE_CHOICE", "Other", ["my own"], options=COLOURS),
    tally_field("RANKING", "Order", ["b", "a"], options=COLOURS),
    tally_field(
        "MATRIX",
        "Fit",
        {"r1": ["c2"], "r2": ["c1", "c2"]},
        rows=[{"id": "r1", "text": "Size"}, {"id": "r2", "text": "Form"}],
        columns=[{"id": "c1", "text": "Bad"}, {"id": "c2", "text": "Good"}],
    ),
    tally_field("RATING", "Rating", 0),
    tally_field("SIGNATURE", "Signature", [{"url": "https://files.example.com/s.png"}]),
    tally_field("PAYMENT", "Payment (price)", 12.5),
    tally_field("HIDDEN_FIELDS", "UTM Campaign", "spring", "question_h_1"),
    tally_field("HIDDEN_FIELDS", "ref", None, "question_h_2"),
    tally_field("INPUT_TEXT", None, "stray", "question_9"),
    None,
]


def test_tally_choices_are_looked_up_and_consents_are_kept_apart() -> None:
    event = read_one(
        tally.PROVIDER,
        {"eventId": "e", "eventType": "FORM_RESPONSE", "data": {"responseId": 7, "fields": TALLY_FIELDS}},
    )
    assert event.event_id == "7"
    assert event.lead == {
        "first_name": "Zoë",
        "last_name": "Ünal",
        "email": "zoe@example.com",
        "country": "Türkiye",
        "custom_fields": {
            "colours": ["Blue", "Red"],
            "old_form": "Blue",
            "other": "my own",
            "order": ["Blue", "Red"],
            "fit": {"Size": ["Good"], "Form": ["Bad", "Good"]},
            "rating": 0,
            "signature": ["https://files.example.com/s.png"],
            "payment_price": 12.5,
            "question_9": "stray",
        },
    }
    assert event.attribution["utm_campaign"] == "spring"
    assert event.attribution["consent"] == {"I agree to the terms": True, "I consent to the newsletter": False}
