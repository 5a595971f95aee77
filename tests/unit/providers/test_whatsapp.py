"""WhatsApp: messages of every type become leads."""

import json
from typing import Any

import pytest

from shared.integrations.providers import whatsapp
from shared.integrations.source_event import SourceEvent
from tests.support.provider_requests import read, sample_body

pytestmark = pytest.mark.unit


def whatsapp_value(message: dict[str, Any], **contact: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "14155550100", "phone_number_id": "1122334455667"},
        "contacts": [contact] if contact else [],
        "messages": [{"id": "wamid.1", "timestamp": "1697043223", **message}],
    }


def read_whatsapp(message: dict[str, Any], **contact: Any) -> SourceEvent:
    value = whatsapp_value(message, **contact)
    (event,) = read(whatsapp.PROVIDER, {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
    return event


ADA = {"profile": {"name": "Ada Lovelace"}, "wa_id": "14155550123"}


def test_whatsapp_text_sample_becomes_a_lead() -> None:
    body = json.loads(sample_body("whatsapp/message_text.json"))
    (event,) = read(whatsapp.PROVIDER, body)
    assert event.lead == {
        "phone": "+16505550123",
        "first_name": "Test",
        "last_name": "Name",
        "notes": "Body Text",
    }
    assert event.attribution == {"at": "2023-10-11T16:53:43+00:00"}
    assert (event.event_id, event.account_id) == ("wamid.xyzxyz", "1122334455667")
    assert event.external_id == "US.13491208655302741918"
    assert event.document == body["entry"][0]["changes"][0]["value"]


def test_whatsapp_person_without_a_phone_has_the_scoped_id() -> None:
    message = {"from_user_id": "US.13491208655302741918", "type": "text", "text": {"body": "Hola 👋"}}
    profile = {"name": "Ada Lovelace", "username": "ada"}
    event = read_whatsapp(message, profile=profile, user_id="US.13491208655302741918")
    assert event.external_id == "US.13491208655302741918"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "notes": "Hola 👋",
        "custom_fields": {"username": "ada"},
    }


@pytest.mark.parametrize(
    ("message", "notes"),
    [
        ({"type": "button", "button": {"text": "Call me", "payload": "CALL"}}, "Call me"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}},
            },
            "Yes",
        ),
        (
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"title": "Roof", "description": "Solar"}},
            },
            "Roof\nSolar",
        ),
        (
            {"type": "location", "location": {"latitude": 37.5, "longitude": -122.2, "name": "HQ", "address": "1 Way"}},
            "HQ\n1 Way\n37.5, -122.2",
        ),
        (
            {
                "type": "contacts",
                "contacts": [
                    {
                        "name": {"formatted_name": "Bo Bing"},
                        "phones": [{"phone": "+1 415-555-0124"}],
                        "emails": [{"email": "bo@example.com"}],
                    }
                ],
            },
            "Bo Bing, +1 415-555-0124, bo@example.com",
        ),
        ({"type": "image", "image": {"id": "1", "caption": "My roof"}}, "My roof"),
        ({"type": "audio", "audio": {"id": "1", "voice": True}}, "(audio)"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}}, "👍"),
        (
            {
                "type": "order",
                "order": {"product_items": [{"product_retailer_id": "A", "quantity": 3, "item_price": 30}]},
            },
            "3 × A (30)",
        ),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "(unsupported)"),
        ({"type": "request_welcome"}, None),
    ],
)
def test_whatsapp_messages_of_every_type_become_notes(message: dict[str, Any], notes: str | None) -> None:
    event = read_whatsapp({"from": "14155550123", **message}, **ADA)
    assert event.kind == "lead"
    assert event.lead["phone"] == "+14155550123"
    assert event.lead.get("notes") == notes


def test_whatsapp_flow_answers_become_the_lead() -> None:
    answers = {
        "screen_0_Full_name_0": "Ada King",
        "email": "ada@example.com",
        "budget": 5000,
        "utm_source": "spring",
        "flow_token": "secret",
    }
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": json.dumps(answers)}}
    event = read_whatsapp({"from": "14155550123", "type": "interactive", "interactive": reply}, **ADA)
    assert event.lead["email"] == "ada@example.com"
    assert event.lead["phone"] == "+14155550123"
    assert (event.lead["first_name"], event.lead["last_name"]) == ("Ada", "King")
    assert event.lead["custom_fields"]["budget"] == 5000
    assert "secret" not in json.dumps(event.lead)
    assert event.attribution["utm_source"] == "spring"


def test_whatsapp_referral_of_an_ad_becomes_attribution() -> None:
    referral = {
        "source_url": "https://fb.me/1",
        "source_id": 120200000000000001,
        "source_type": "ad",
        "headline": "Solar",
        "ctwa_clid": "click",
    }
    message = {"from": "14155550123", "type": "text", "text": {"body": "Hi"}, "referral": referral}
    event = read_whatsapp(message, **ADA)
    assert event.attribution == {
        "at": "2023-10-11T16:53:43+00:00",
        "platform": "meta",
        "ad_id": "120200000000000001",
        "referrer": "https://fb.me/1",
        "click_ids": {"ctwa_clid": "click"},
    }
    assert event.lead["custom_fields"] == {"ad_headline": "Solar"}
    post = read_whatsapp({**message, "referral": {**referral, "source_type": "post"}}, **ADA)
    assert "ad_id" not in post.attribution


def test_whatsapp_change_of_number_and_of_id_come_without_contacts() -> None:
    body = "User Ada changed from 14155550123 to 14155550124"
    system = {"body": body, "wa_id": "14155550124", "type": "user_changed_number"}
    changed = read_whatsapp({"from": "14155550123", "type": "system", "system": system})
    assert changed.lead == {
        "phone": "+14155550124",
        "notes": body,
        "custom_fields": {"previous_phone": "+14155550123"},
    }
    assert changed.former_phone == "+14155550123"
    system = {"user_id": "MX.0987", "previous_user_id": "CO.1234", "type": "user_changed_user_id"}
    changed = read_whatsapp({"type": "system", "system": system})
    assert (changed.external_id, changed.former_external_id) == ("MX.0987", "CO.1234")
    assert changed.lead == {}
    identity = read_whatsapp({"type": "system", "system": {"type": "customer_identity_changed"}}, **ADA)
    assert identity.kind == "ignored"


def test_whatsapp_takes_each_message_and_ignores_the_rest() -> None:
    text = {"from": "14155550123", "type": "text", "text": {"body": "Hi"}}
    value = whatsapp_value(text, **ADA)
    value["messages"] += [
        None,
        {"id": "wamid.2", "type": "revoke"},
        {"id": "wamid.4", "type": "edit"},
        {**text, "id": "wamid.3", "from": 14155550124},
    ]
    statuses = {"statuses": [{"id": "wamid.0", "status": "delivered"}]}
    changes = [
        {"field": "messages", "value": value},
        {"field": "messages", "value": statuses},
        {"field": "account_update", "value": {}},
    ]
    events = read(
        whatsapp.PROVIDER, {"object": "whatsapp_business_account", "entry": [None, {"id": 0, "changes": changes}]}
    )
    leads = [event for event in events if event.kind == "lead"]
    assert [(event.event_id, event.lead["phone"]) for event in leads] == [
        ("wamid.1", "+14155550123"),
        ("wamid.3", "+14155550124"),
    ]
    assert all(event.is_test for event in leads)  # entry 0 is that of the dashboard's button
    ignored = [event.note for event in events if event.kind == "ignored"]
    assert ignored == ["no message", "revoke", "edit", "status delivered", "account_update"]
