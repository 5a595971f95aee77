"""Twilio: messages by SMS and WhatsApp, and events of a sink, become leads."""

import hashlib

import pytest

from shared.integrations.providers import twilio
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    UnreadableBody,
)
from tests.support.provider_requests import URL, read, read_form, refusal, request_of, sample_body

pytestmark = pytest.mark.unit


def test_twilio_sms_sample_becomes_a_lead() -> None:
    request = request_of(sample_body("twilio/incoming_sms.form"), media_type=FORM_MEDIA_TYPE)
    (event,) = twilio.read(request, {})
    assert event.lead == {
        "phone": "+16505550123",
        "country": "US",
        "notes": "Hi, please call me back",
        "custom_fields": {"city": "MOUNTAIN VIEW", "state": "CA", "zip": "94043"},
    }
    assert event.event_id == "SM00000000000000000000000000000001"
    assert event.attribution == {}
    assert event.document["NumMedia"] == "0"
    assert twilio.PROVIDER.answer == (200, b"<Response></Response>", "text/xml")


def test_twilio_whatsapp_message_of_an_ad_becomes_a_lead() -> None:
    event = read_form(
        twilio.PROVIDER,
        MessageSid="MM1",
        From="whatsapp:+14155550123",
        ProfileName="Ada Lovelace",
        Body="",
        ButtonText="Call me",
        NumMedia="1",
        MediaUrl0="https://api.twilio.com/m/0",
        ReferralSourceType="ad",
        ReferralSourceId="12",
        ReferralCtwaClid="click",
        ReferralHeadline="Solar",
        OptOutType="START",
    )
    assert event.lead == {
        "phone": "+14155550123",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "notes": "Call me",
        "custom_fields": {"attachments": "https://api.twilio.com/m/0", "ad_headline": "Solar"},
    }
    assert event.attribution == {
        "platform": "meta",
        "ad_id": "12",
        "click_ids": {"ctwa_clid": "click"},
        "consent": {"messages": True},
    }
    assert read_form(twilio.PROVIDER, MessageSid="MM2", From="messenger:77", Body="Hi").external_id == "messenger:77"


def test_twilio_receipts_and_calls_are_ignored() -> None:
    assert (
        read_form(twilio.PROVIDER, MessageSid="SM1", MessageStatus="delivered", From="+14155550123").kind == "ignored"
    )
    assert read_form(twilio.PROVIDER, CallSid="CA1", From="+14155550123").kind == "ignored"
    with pytest.raises(UnreadableBody):
        twilio.read(request_of(b'{"property": "value", "boolean": true}'), {})


def test_twilio_events_of_a_sink_become_leads() -> None:
    data = {
        "messageSid": "SM1",
        "from": "+14155550123",
        "body": "Ahoy!",
        "numMedia": 0,
        "timestamp": "2025-01-01T00:00:00Z",
    }
    received = {"specversion": "1.0", "type": twilio.RECEIVED_EVENT, "id": "NO1", "data": data}
    sent = {"specversion": "1.0", "type": "com.twilio.messaging.message.sent", "id": "NO2", "data": {}}
    events = read(twilio.PROVIDER, [received, sent, None])
    assert [event.kind for event in events] == ["lead", "ignored", "ignored"]
    assert events[0].lead == {"phone": "+14155550123", "notes": "Ahoy!"}
    assert events[0].event_id == "SM1"


def test_twilio_refuses_what_is_not_signed() -> None:
    credentials = {"auth_token": "token"}
    assert refusal(twilio.PROVIDER, request_of(b"a=1", media_type=FORM_MEDIA_TYPE), credentials) == "missing_signature"
    header = {"X-Twilio-Signature": "é\ud800"}
    assert refusal(twilio.PROVIDER, request_of(b"a=1", header, FORM_MEDIA_TYPE), credentials) == "bad_signature"
    url = f"{URL}?bodySHA256={hashlib.sha256(b'other').hexdigest()}"
    assert refusal(twilio.PROVIDER, request_of(b"{}", headers=header, url=url), credentials) == "bad_signature"
