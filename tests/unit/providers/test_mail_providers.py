"""Mailgun and SendGrid: mails are verified, and become leads unless a machine sent them."""

import base64
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.integrations.provider import Provider
from shared.integrations.providers import mailgun, sendgrid
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    WebhookRequest,
)
from tests.support.provider_requests import (
    MULTIPART,
    NOW,
    multipart,
    read_form,
    read_one,
    refusal,
    request_of,
    sample_body,
)
from tests.support.provider_samples import MIME

pytestmark = pytest.mark.unit


def test_mailgun_route_sample_becomes_a_lead() -> None:
    request = request_of(sample_body("mailgun/inbound_parsed.form"), media_type=FORM_MEDIA_TYPE)
    (event,) = mailgun.read(request, {})
    assert event.lead == {
        "first_name": "Displayed",
        "last_name": "From",
        "email": "from+test@example.org",
        "notes": "Test subject\n\nstripped plaintext body",
    }
    assert event.event_id == "<CAEPk3R+4Zr@mail.example.org>"
    assert event.attribution == {
        "at": "2016-04-21T17:55:30+00:00",
        "provider_lead_id": "<CAEPk3R+4Zr@mail.example.org>",
    }
    (delivered,) = mailgun.read(request_of(sample_body("mailgun/webhook_delivered.json")), {})
    assert (delivered.kind, delivered.note) == ("ignored", "delivered")


def test_mailgun_retries_for_eight_hours_are_taken_and_no_later_ones() -> None:
    def signed(age: float) -> WebhookRequest:
        timestamp = str(int(NOW - age))
        signature = hmac.new(b"key", f"{timestamp}abc".encode(), "sha256").hexdigest()
        block = {"timestamp": timestamp, "token": "abc", "signature": signature}
        return request_of(json.dumps({"signature": block}).encode())

    mailgun.verify(signed(8 * 3600), {"signing_key": "key"})
    assert mailgun.replay_token(signed(0)) == "abc"
    assert refusal(mailgun.PROVIDER, signed(10 * 3600), {"signing_key": "key"}) == "stale"
    assert refusal(mailgun.PROVIDER, request_of(b"[]"), {"signing_key": "key"}) == "missing_signature"
    assert refusal(mailgun.PROVIDER, request_of(b"\xff"), {"signing_key": "key"}) == "missing_signature"


def test_mailgun_digits_cannot_move_between_the_time_and_the_token() -> None:
    """The two are signed as one text. Another token would make a redelivery of the body something new."""
    timestamp, token = str(int(NOW)), "12ab"
    signature = hmac.new(b"key", f"{timestamp}{token}".encode(), "sha256").hexdigest()
    for moved in (0, 1, 2, -1, -9):
        text, place = timestamp + token, len(timestamp) + moved
        block = {"timestamp": text[:place], "token": text[place:], "signature": signature}
        request = request_of(json.dumps({"signature": block}).encode())
        if moved:
            assert refusal(mailgun.PROVIDER, request, {"signing_key": "key"}) == "bad_signature", moved
        else:
            mailgun.verify(request, {"signing_key": "key"})


def test_mailgun_attachments_are_named() -> None:
    body = multipart(
        ("sender", "ada@example.com", ""),
        ("From", "=?utf-8?q?Ad=C3=A1?= <ada@example.com>", ""),
        ("subject", "Roof", ""),
        ("body-plain", "Please call.\n\n-- \nAda", ""),
        ("Message-Id", "<1@example.com>", ""),
        ("attachment-1", "data", "plan.pdf"),
    )
    event = read_one(mailgun.PROVIDER, body, media_type=MULTIPART)
    assert event.lead == {
        "first_name": "Adá",
        "email": "ada@example.com",
        "notes": "Roof\n\nPlease call.",
        "custom_fields": {"attachments": "plan.pdf"},
    }


@pytest.mark.parametrize(
    ("provider", "field"), [(mailgun.PROVIDER, "body-mime"), (sendgrid.PROVIDER, "email")], ids=["mailgun", "sendgrid"]
)
def test_raw_mime_becomes_a_lead(provider: Provider, field: str) -> None:
    fields = ((field, MIME, ""), ("from", "ada@example.com", ""))
    event = read_one(provider, multipart(*fields), media_type=MULTIPART)
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "notes": "Däch\n\nIt's a body…",
        "custom_fields": {"attachments": "plan.pdf"},
    }
    assert event.event_id == "<2@example.com>"
    assert event.attribution["at"] == "2017-10-13T01:03:30+00:00"


@pytest.mark.parametrize(
    "headers",
    [
        [["Auto-Submitted", "auto-replied"], ["From", "a@example.com"]],
        [["From", "MAILER-DAEMON@example.com"]],
        [["From", "a@example.com"], ["Content-Type", "multipart/report; report-type=delivery-status"]],
        [["From", "a@example.com"], ["Precedence", "auto_reply"]],
    ],
)
def test_automatic_mails_are_ignored(headers: list[list[str]]) -> None:
    event = read_form(
        mailgun.PROVIDER, sender="a@example.com", **{"message-headers": json.dumps(headers), "subject": "x"}
    )
    assert event.kind == "ignored"
    assert event.note


def test_bounces_have_an_empty_envelope_sender() -> None:
    assert read_form(mailgun.PROVIDER, sender="", **{"from": "a@example.com"}).kind == "ignored"
    body = multipart(("from", "a@example.com", ""), ("envelope", '{"from":""}', ""))
    assert read_one(sendgrid.PROVIDER, body, media_type=MULTIPART).kind == "ignored"


def test_website_form_mail_is_from_the_person_in_reply_to() -> None:
    headers = json.dumps([["From", "Site <no-reply@site.example>"], ["Reply-To", "Ada Lovelace <ada@example.com>"]])
    event = read_form(mailgun.PROVIDER, sender="b@site.example", subject="Contact form", **{"message-headers": headers})
    assert (event.lead["email"], event.lead["first_name"]) == ("ada@example.com", "Ada")


def test_sendgrid_samples_become_leads() -> None:
    media_type = "multipart/form-data; boundary=xYzZY"
    for name, subject in (("parsed", "Testing non-raw"), ("raw_mime", "Inbound Parse Test Raw Data")):
        event = read_one(sendgrid.PROVIDER, sample_body(f"sendgrid/inbound_{name}.multipart"), media_type=media_type)
        assert event.lead == {
            "first_name": "Example",
            "last_name": "User",
            "email": "test@example.com",
            "notes": f"{subject}\n\nHello Twilio SendGrid!",
        }
        assert event.event_id is None
        assert event.attribution["at"].startswith("2016-08-1")


def test_sendgrid_reads_each_field_in_its_charset() -> None:
    body = multipart(
        ("from", "Opérateur de test <sender@example.com>", ""),
        ("headers", "Message-ID: <3@example.com>\nFrom: x\n", ""),
        ("subject", b"Como usted pidi\xa2", ""),
        ("text", b"Test the ESP\x92s charset\x85", ""),
        ("charsets", '{"subject":"cp850","from":"UTF-8","text":"windows-1252"}', ""),
        ("attachment1", b"\x00", "plan.pdf"),
    )
    event = read_one(sendgrid.PROVIDER, body, media_type=MULTIPART)
    assert event.lead["notes"] == "Como usted pidió\n\nTest the ESP’s charset…"
    assert event.lead["custom_fields"] == {"attachments": "plan.pdf"}
    assert event.event_id == "<3@example.com>"


def test_sendgrid_key_may_be_pem_or_der_and_makes_signatures_required() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    der = base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signed(timestamp: str, body: bytes = b"body") -> WebhookRequest:
        signature = base64.b64encode(private.sign(timestamp.encode() + b"body", ec.ECDSA(SHA256()))).decode()
        headers = {sendgrid.SIGNATURE_HEADER: signature, sendgrid.TIMESTAMP_HEADER: timestamp}
        return request_of(body, headers, MULTIPART)

    fresh = signed(str(int(NOW)))
    for key in (der, pem, pem.replace("\n", "\\n")):
        sendgrid.verify(fresh, {"verification_key": key})
    sendgrid.verify(request_of(b"x", media_type=MULTIPART), {})
    assert refusal(sendgrid.PROVIDER, request_of(b"x"), {"verification_key": der}) == "missing_signature"
    assert refusal(sendgrid.PROVIDER, signed(str(int(NOW)), b"other"), {"verification_key": der}) == "bad_signature"
    assert refusal(sendgrid.PROVIDER, signed("1"), {"verification_key": der}) == "stale"
    assert refusal(sendgrid.PROVIDER, fresh, {"verification_key": "no key"}) == "bad_signature"
