"""Messengers, mail and SMS: requests are verified, and whatever comes is read or unreadable."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.providers import mailgun, sendgrid, telegram, twilio, viber, whatsapp
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, SignatureRefused, UnreadableBody, WebhookRequest
from tests.support.provider_requests import (
    MULTIPART,
    NOW,
    URL,
    multipart,
    recorded_vectors,
    refusal,
    request_of,
    vector_request,
)
from tests.support.provider_samples import JSON_VALUES, MIME, by_type, change_document
from tests.support.wider_samples import cases_or_skip

pytestmark = pytest.mark.unit

PROVIDERS_BY_TYPE = by_type(module.PROVIDER for module in (whatsapp, telegram, viber, mailgun, sendgrid, twilio))


def vectors() -> list[Any]:
    return [
        pytest.param(type_, vector, id=f"{type_}-{vector['name']}")
        for type_ in PROVIDERS_BY_TYPE
        for vector in recorded_vectors(type_)
    ]


def credentials_of(provider: str, vector: dict[str, Any]) -> dict[str, str]:
    if provider == "sendgrid":
        return {"verification_key": vector.get("public_key_der_base64", "")}
    keys = {"whatsapp": ("app_secret", "verify_token"), "mailgun": ("signing_key",), "twilio": ("auth_token",)}
    secret = "made_up_verify_token" if vector["method"] == "GET" else vector["secret"]
    return dict.fromkeys(keys[provider], secret)


@pytest.mark.parametrize(("provider", "vector"), cases_or_skip(vectors(), 2))
def test_signature_vectors_are_accepted_and_refused(provider: str, vector: dict[str, Any]) -> None:
    request = vector_request(vector)
    credentials = credentials_of(provider, vector)
    handshake = PROVIDERS_BY_TYPE[provider].answer_handshake
    if vector["name"] == "replayed_token":  # the gateway remembers the token
        assert PROVIDERS_BY_TYPE[provider].one_time_token is mailgun.replay_token
        assert mailgun.replay_token(request) == json.loads(request.body)["signature"]["token"]
    elif vector["method"] == "GET" and handshake and vector["expected"] == "valid":
        answer = handshake(request, credentials)
        assert (answer.status, answer.body, answer.media_type) == (200, b"1158201444", "text/plain")
    elif vector["method"] == "GET" and handshake:
        with pytest.raises(SignatureRefused, match="wrong_token"):
            handshake(request, credentials)
    elif vector["expected"] == "valid":
        PROVIDERS_BY_TYPE[provider].verify(request, credentials)
    else:
        assert refusal(PROVIDERS_BY_TYPE[provider], request, credentials)


@pytest.mark.parametrize("provider", PROVIDERS_BY_TYPE)
def test_own_sample_shows_a_lead(provider: str) -> None:
    request = PROVIDERS_BY_TYPE[provider].sample.to_request(URL, NOW)
    (event,) = PROVIDERS_BY_TYPE[provider].read(request, {})
    assert event.kind == "lead"
    assert (event.lead["first_name"], event.lead["last_name"]) == ("Sam", "Sample")
    assert event.event_id
    assert "sam@example.com" in json.dumps(event.lead)


JSON_BODIES: dict[str, list[Any]] = {
    "whatsapp": [json.loads(whatsapp.PROVIDER.sample.body)],
    "telegram": [
        json.loads(telegram.PROVIDER.sample.body),
        {"update_id": 1, "callback_query": {**json.loads(telegram.PROVIDER.sample.body)["message"], "data": "x"}},
    ],
    "viber": [json.loads(viber.PROVIDER.sample.body)],
    "mailgun": [{"signature": {}, "event-data": {"event": "stored", "message": {"headers": {"from": "a@b.example"}}}}],
    "twilio": [[{"type": twilio.RECEIVED_EVENT, "data": {"messageSid": "1", "from": "+1", "body": "x"}}]],
    "sendgrid": [{}],
}


@given(st.data())
def test_no_json_breaks_a_reader(data: st.DataObject) -> None:
    provider = data.draw(st.sampled_from(sorted(PROVIDERS_BY_TYPE)))
    document = data.draw(st.sampled_from(JSON_BODIES[provider]))
    _check_reader(provider, request_of(change_document(document, data)))


@given(st.data())
def test_no_form_breaks_a_reader(data: st.DataObject) -> None:
    provider = data.draw(st.sampled_from(["mailgun", "sendgrid", "twilio"]))
    names = ["from", "From", "sender", "headers", "message-headers", "email", "body-mime", "envelope", "charsets"]
    names += [
        "subject",
        "text",
        "html",
        "MessageSid",
        "attachments",
        "attachment-info",
        "timestamp",
        "Body",
        "Auto-Submitted",
    ]
    values = (
        st.text() | JSON_VALUES.map(json.dumps) | st.sampled_from([MIME, MIME[:200], MIME.replace("UTF-8", "utf-99")])
    )
    fields = data.draw(st.lists(st.tuples(st.sampled_from(names), values), max_size=6))
    form = urlencode(fields, errors="replace").encode()
    parts = [
        (name, value.encode(errors="replace"), data.draw(st.sampled_from(["", "a.pdf"]))) for name, value in fields
    ]
    _check_reader(provider, request_of(form, media_type=FORM_MEDIA_TYPE))
    _check_reader(provider, request_of(multipart(*parts), media_type=MULTIPART))


@given(st.data())
def test_no_damaged_body_breaks_a_reader(data: st.DataObject) -> None:
    provider = data.draw(st.sampled_from(sorted(PROVIDERS_BY_TYPE)))
    made = PROVIDERS_BY_TYPE[provider].sample
    start = data.draw(st.integers(0, len(made.body)))
    length, filling = data.draw(st.integers(0, 30)), data.draw(st.binary(max_size=10))
    body = made.body[:start] + filling + made.body[start + length :]
    _check_reader(provider, request_of(body, media_type=made.media_type))


@pytest.mark.parametrize("provider", ["mailgun", "sendgrid"])
@pytest.mark.parametrize(
    "part",
    [
        b"".join(
            b"Content-Type: multipart/mixed; boundary=B%d\r\n\r\n--B%d\r\n" % (depth, depth) for depth in range(2000)
        ),
        b"Content-Disposition: form-data; name=\"from\"'')Content-Type: ; filename*=\"''\r\n\r\nx",
    ],
)
def test_no_strange_multipart_breaks_a_reader(provider: str, part: bytes) -> None:
    _check_reader(provider, request_of(b"--X\r\n" + part + b"\r\n--X--\r\n", media_type=MULTIPART))


def _check_reader(provider: str, request: WebhookRequest) -> None:
    secrets = ("app_secret", "secret_token", "auth_token", "signing_key", "verification_key")
    try:
        events = list(PROVIDERS_BY_TYPE[provider].read(request, {}))
        json.dumps([[event.lead, event.attribution, event.note] for event in events])
        assert all(isinstance(event, SourceEvent) for event in events)
    except UnreadableBody:
        pass
    with pytest.raises(SignatureRefused):
        PROVIDERS_BY_TYPE[provider].verify(request, dict.fromkeys(secrets, "x"))
