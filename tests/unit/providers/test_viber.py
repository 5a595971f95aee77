"""Viber: messages and conversations become leads."""

import hmac

import pytest

from shared.integrations.providers import viber
from tests.support.provider_requests import read, refusal, request_of

pytestmark = pytest.mark.unit

VIBER_USER = {"id": "01234567890A=", "name": "Ada Lovelace", "country": "GB", "language": "en", "api_version": 1}


def test_viber_message_becomes_a_lead() -> None:
    message = {"type": "text", "text": "A roof, please", "tracking_data": "spring"}
    body = {"event": "message", "timestamp": 1774690200000, "message_token": 4912661846655238145, "sender": VIBER_USER}
    (event,) = read(viber.PROVIDER, {**body, "message": message})
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "country": "GB",
        "notes": "A roof, please",
        "custom_fields": {"language": "en", "tracking_data": "spring"},
    }
    assert (event.event_id, event.external_id) == ("4912661846655238145", "01234567890A=")
    assert event.attribution == {"at": "2026-03-28T09:30:00+00:00"}
    own = {"type": "contact", "contact": {"name": "Ada Lovelace", "phone_number": "14155550123"}}
    assert read(viber.PROVIDER, {**body, "message": own})[0].lead["phone"] == "+14155550123"
    other = {"type": "contact", "contact": {"name": "Bo", "phone_number": "14155550124"}}
    assert read(viber.PROVIDER, {**body, "message": other})[0].lead["notes"] == "Bo, +14155550124"
    assert (
        read(viber.PROVIDER, {**body, "message": {"type": "picture", "media": "https://x"}})[0].lead["notes"]
        == "(picture)"
    )


def test_viber_conversation_has_its_context_as_campaign() -> None:
    body = {"timestamp": 1774690200000, "message_token": "7", "user": VIBER_USER}
    (event,) = read(viber.PROVIDER, {"event": "conversation_started", "context": "spring", "subscribed": False, **body})
    assert event.attribution["utm_campaign"] == "spring"
    assert event.lead["custom_fields"] == {"language": "en", "context": "spring"}
    assert read(viber.PROVIDER, {"event": "subscribed", **body})[0].kind == "lead"


@pytest.mark.parametrize("event", ["webhook", "delivered", "seen", "failed", "unsubscribed", "client_status"])
def test_viber_other_events_are_ignored(event: str) -> None:
    (found,) = read(viber.PROVIDER, {"event": event, "timestamp": 1, "message_token": 7, "user_id": "a"})
    assert (found.kind, found.note) == ("ignored", event)


def test_viber_signature_is_required() -> None:
    signature = hmac.new(b"token", b'{"event":"webhook"}', "sha256").hexdigest()
    header = {"X-Viber-Content-Signature": signature}
    viber.verify(request_of(b'{"event":"webhook"}', headers=header), {"auth_token": "token"})
    assert refusal(viber.PROVIDER, request_of(b"{}", headers=header), {"auth_token": "token"}) == "bad_signature"
    assert refusal(viber.PROVIDER, request_of(b"{}"), {"auth_token": "token"}) == "missing_signature"
