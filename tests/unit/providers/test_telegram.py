"""Telegram: messages, contacts and buttons become leads."""

from typing import Any

import pytest

from shared.integrations.providers import telegram
from shared.integrations.source_event import SourceEvent
from tests.support.provider_requests import read, refusal, request_of

pytestmark = pytest.mark.unit


def telegram_message(**members: Any) -> dict[str, Any]:
    sender = {"id": 1111, "is_bot": False, "first_name": "Ada", "last_name": "Lovelace", "username": "ada"}
    return {
        "message_id": 1,
        "date": 1774690200,
        "chat": {"id": 1111, "type": "private"},
        "from": sender,
        **members,
    }


def read_telegram(**members: Any) -> SourceEvent:
    return read(telegram.PROVIDER, {"update_id": 10000, "message": telegram_message(**members)})[0]


def test_telegram_message_becomes_a_lead() -> None:
    event = read_telegram(text="I want a roof")
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "notes": "I want a roof",
        "custom_fields": {"username": "ada"},
    }
    assert (event.event_id, event.external_id) == ("10000", "1111")
    assert event.attribution == {"at": "2026-03-28T09:30:00+00:00"}


def test_telegram_own_contact_is_the_phone_and_another_is_a_note() -> None:
    own = read_telegram(contact={"phone_number": "14155550123", "first_name": "Ada", "user_id": 1111})
    assert own.lead["phone"] == "+14155550123"
    assert "notes" not in own.lead
    other = read_telegram(contact={"phone_number": "+14155550124", "first_name": "Bo", "user_id": 2222})
    assert "phone" not in other.lead
    assert other.lead["notes"] == "Bo, +14155550124"


def test_telegram_start_parameter_is_the_campaign() -> None:
    event = read_telegram(text="/start spring_ad")
    assert event.attribution["utm_campaign"] == "spring_ad"
    assert event.lead["custom_fields"]["start_parameter"] == "spring_ad"
    assert "notes" not in event.lead
    assert "utm_campaign" not in read_telegram(text="/start").attribution


@pytest.mark.parametrize(
    ("members", "notes"),
    [
        ({"photo": [{}], "caption": "My roof"}, "My roof"),
        ({"voice": {"file_id": "1"}}, "(voice)"),
        ({"location": {"latitude": 1.5, "longitude": 2.5}}, "1.5, 2.5"),
        (
            {"venue": {"title": "HQ", "address": "1 Way", "location": {"latitude": 1, "longitude": 2}}},
            "HQ\n1 Way\n1, 2",
        ),
        ({"web_app_data": {"data": "just text"}}, "just text"),
    ],
)
def test_telegram_messages_of_every_type_become_notes(members: dict[str, Any], notes: str) -> None:
    assert read_telegram(**members).lead["notes"] == notes


def test_telegram_button_tells_its_text() -> None:
    keyboard = {"inline_keyboard": [[{"text": "Call me", "callback_data": "call"}]]}
    callback = {"id": "1", "from": {"id": 1111, "first_name": "Ada"}, "data": "call"}
    shown = {"chat": {"id": 1111, "type": "private"}, "reply_markup": keyboard}
    (event,) = read(telegram.PROVIDER, {"update_id": 1, "callback_query": {**callback, "message": shown}})
    assert event.lead == {"first_name": "Ada", "notes": "Call me"}


@pytest.mark.parametrize(
    "update",
    [
        {"edited_message": telegram_message(text="x")},
        {"my_chat_member": {"from": {"id": 1}}},
        {"message": telegram_message(text="x", chat={"id": -5, "type": "group"})},
        {"message": telegram_message(text="x", **{"from": {"id": 1, "is_bot": True}})},
        {"business_message": telegram_message(text="x", chat={"id": 2222, "type": "private"})},
        {},
    ],
)
def test_telegram_updates_that_are_no_person_are_ignored(update: dict[str, Any]) -> None:
    assert read(telegram.PROVIDER, {"update_id": 5, **update})[0].kind == "ignored"


def test_telegram_secret_token_is_required() -> None:
    header = "X-Telegram-Bot-Api-Secret-Token"
    credentials = {"secret_token": "right-one"}
    telegram.verify(request_of(b"{}", headers={header: "right-one"}), credentials)
    assert refusal(telegram.PROVIDER, request_of(b"{}"), credentials) == "missing_signature"
    assert refusal(telegram.PROVIDER, request_of(b"{}", headers={header: "é"}), credentials) == "wrong_token"
