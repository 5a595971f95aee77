"""Requests under names that somebody chose are read by these names, in whatever order and depth they come."""

import base64
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.integrations.provider import Provider
from shared.integrations.providers import make, n8n, standard_webhooks, webhook, zapier
from shared.integrations.webhook_exchange import UnreadableBody
from tests.support.provider_requests import NOW, SECRET, read, read_one, refusal, request_of, sample_body

pytestmark = pytest.mark.unit

GENERIC = [zapier.PROVIDER, make.PROVIDER, n8n.PROVIDER, webhook.PROVIDER]
PERSON = {"first_name": "Sam", "last_name": "Sample", "email": "sam@example.com"}


class TestGenericSenders:
    @pytest.mark.parametrize("provider", GENERIC, ids=lambda provider: provider.type.type)
    def test_recorded_bodies_are_read(self, provider: Provider) -> None:
        ada = {"first_name": "Ada", "last_name": "Example", "email": "ada@example.com"}
        event = read_one(provider, sample_body("zapier_make/flat.json"))
        assert event.lead == {**ada, "phone": "+16505550123", "company": "Example Ltd"}
        assert (event.attribution, event.event_id) == ({"utm_source": "google"}, None)
        event = read_one(provider, sample_body("zapier_make/double_underscore.json"))
        assert event.lead == {**ada, "phone": "+16505550123"}
        form = sample_body("zapier_make/form.form")
        event = read_one(provider, form, media_type="application/x-www-form-urlencoded")
        assert (event.lead, event.document) == (ada, ada)

    def test_each_item_of_an_array_is_a_lead(self) -> None:
        items = [{"event_id": 1, "email": "a@example.com"}, None, {"event_id": "2", "email": "b@example.com"}, {}]
        events = read(zapier.PROVIDER, items)
        assert [event.kind for event in events] == ["lead", "ignored", "lead", "ignored"]
        assert [event.event_id for event in events if event.kind == "lead"] == ["1", "2"]
        assert events[0].document == items[0]

    @pytest.mark.parametrize(
        ("body", "lead"),
        [
            ({"contact": {"email": "sam@example.com", "name": "Sam Sample"}}, PERSON),
            ({"data": {"person": {"first_name": "Sam", "lastName": "Sample", "email": "sam@example.com"}}}, PERSON),
            ({"contact.email": "sam@example.com", "contact.name.first": "Sam", "contact.name.last": "Sample"}, PERSON),
            ({"name": {"first": "Sam", "last": "Sample"}, "emails": [{"value": "sam@example.com"}]}, PERSON),
            ({"json": {"Your e-mail": "sam@example.com", "Full Name": "Sam Sample"}}, PERSON),
            (
                {"field_data": [{"name": "email", "values": ["sam@example.com"]}], "full_name": "Sam Sample"},
                PERSON,
            ),
            (
                {"answers": [{"question": "Your email?", "answer": "sam@example.com"}], "lead": {"name": "Sam Sample"}},
                PERSON,
            ),
            (
                {"phone": 14155550123, "company": {"name": "Sample Ltd", "size": 5}},
                {"phone": "14155550123", "company": "Sample Ltd", "custom_fields": {"company_size": 5}},
            ),
            (
                {"owner": {"email": "rep@example.com"}, "form": {"name": "Contact"}},
                {"custom_fields": {"owner_email": "rep@example.com", "form_name": "Contact"}},
            ),
            ({"response": "Yes", "id": 5}, {"custom_fields": {"response": "Yes", "id": 5}}),
            (
                {"email": "sam@example.com", "tags": ["a", " b "], "items": [{"sku": 1}, {"sku": 2}]},
                {"email": "sam@example.com", "tags": ["a", "b"], "custom_fields": {"items": [{"sku": 1}, {"sku": 2}]}},
            ),
        ],
    )  # fmt: skip
    def test_nested_names_are_read(self, body: Any, lead: dict[str, Any]) -> None:
        assert read_one(webhook.PROVIDER, body).lead == lead

    def test_attribution_is_read_from_the_body(self) -> None:
        body = {
            "email": "sam@example.com", "utm": {"source": "news", "campaign": "spring"}, "GCLID": "click",
            "pageUrl": "https://example.com/?utm_term=x", "campaign_id": 2**60 + 1, "submittedAt": 1774690200,
            "marketing_consent": True, "I agree to the privacy policy": "no",
        }  # fmt: skip
        event = read_one(webhook.PROVIDER, body)
        assert event.lead == {"email": "sam@example.com"}
        assert event.attribution == {
            "utm_source": "news", "utm_campaign": "spring", "utm_term": "x", "click_ids": {"gclid": "click"},
            "page_url": "https://example.com/?utm_term=x", "campaign_id": str(2**60 + 1),
            "at": "2026-03-28T09:30:00+00:00",
            "consent": {"marketing_consent": True, "I agree to the privacy policy": False},
        }  # fmt: skip

    def test_multipart_form_is_read(self) -> None:
        parts = (("Name", "Sam Sample"), ("contact[email]", "sam@example.com"))
        body = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts
        )
        event = read_one(webhook.PROVIDER, f"{body}--x--\r\n".encode(), media_type="multipart/form-data; boundary=x")
        assert event.lead == PERSON
        assert event.document == {"Name": "Sam Sample", "contact": {"email": "sam@example.com"}}

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"5", b'["a"]', b"<xml/>", b"hello", b"{"])
    def test_body_without_a_person_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(UnreadableBody):
            read(make.PROVIDER, body, media_type="text/plain")

    @pytest.mark.parametrize("provider", GENERIC[:3], ids=lambda provider: provider.type.type)
    def test_header_is_compared_where_a_secret_is_set(self, provider: Provider) -> None:
        assert refusal(provider, request_of({}), {}) == ""
        assert refusal(provider, request_of({}), {"header_secret": SECRET}) == "missing_signature"
        for sent, reason in ((SECRET, ""), ("other", "bad_signature"), ("é\udcff", "bad_signature")):
            assert refusal(provider, request_of({}, {"x-leadhub-secret": sent}), {"header_secret": SECRET}) == reason


class TestPlainWebhookSignatures:
    BODY = b'{"email":"sam@example.com"}'
    DIGEST = hmac.digest(SECRET.encode(), BODY, "sha256")

    @pytest.mark.parametrize(
        "sent",
        [
            DIGEST.hex(),
            DIGEST.hex().upper(),
            f"sha256={DIGEST.hex()}",
            f"SHA256={DIGEST.hex()}",
            f"v1={DIGEST.hex()}",
            base64.b64encode(DIGEST).decode(),
            base64.b64encode(DIGEST).decode().rstrip("="),
            base64.urlsafe_b64encode(DIGEST).decode(),
            f"sha256={base64.b64encode(DIGEST).decode()}",
            f"sha512={hmac.digest(SECRET.encode(), BODY, 'sha512').hex()}",
        ],
    )
    def test_every_usual_spelling_is_accepted(self, sent: str) -> None:
        assert refusal(webhook.PROVIDER, request_of(self.BODY, {"X-Webhook-Signature": sent}), {"secret": SECRET}) == ""
        credentials = {"secret": SECRET, "signature_header": "X-Signed"}
        assert refusal(webhook.PROVIDER, request_of(self.BODY, {"x-signed": sent}), credentials) == ""
        assert refusal(webhook.PROVIDER, request_of(self.BODY, {"x-signed": sent[:-2]}), credentials) == "bad_signature"

    @pytest.mark.parametrize(
        "sent",
        [
            hmac.digest(SECRET.encode(), BODY, "sha1").hex(),
            f"sha1={hmac.digest(SECRET.encode(), BODY, 'sha1').hex()}",
            f"md5={hmac.digest(SECRET.encode(), BODY, 'md5').hex()}",
            f"sha1={DIGEST.hex()}",
            f"sha512={DIGEST.hex()}",
            f"v0={DIGEST.hex()}",
            "=",
            "sha256=",
            "\udcff",
            "t=x,v1=y",
        ],
    )
    def test_weak_or_malformed_signature_is_refused(self, sent: str) -> None:
        request = request_of(self.BODY, {"X-Webhook-Signature": sent})
        assert refusal(webhook.PROVIDER, request, {"secret": SECRET}) == "bad_signature"

    def test_unsigned_request_is_refused_only_where_a_secret_is_set(self) -> None:
        assert refusal(webhook.PROVIDER, request_of(self.BODY), {}) == ""
        assert refusal(webhook.PROVIDER, request_of(self.BODY), {"secret": SECRET}) == "missing_signature"


class TestStandardWebhooks:
    def test_data_is_read_as_a_person(self) -> None:
        headers = {"webhook-id": "msg_1"}
        event = read_one(standard_webhooks.PROVIDER, sample_body("standard_webhooks/contact_created.json"), headers)
        assert {"first_name": "John", "last_name": "Smith", "phone": "(281) 555-0175"}.items() <= event.lead.items()
        assert event.lead["custom_fields"]["birthday"] == "1980-04-19"
        assert (event.event_id, event.attribution) == ("msg_1", {"at": "2022-11-03T20:26:10.344+00:00"})
        assert event.document["type"] == "contact.created"

    def test_variants_of_the_body_are_read(self) -> None:
        headers = {"svix-id": "m", "svix-signature": "v1,x"}
        assert read_one(standard_webhooks.PROVIDER, {"email": "sam@example.com"}, headers).event_id == "m"
        people = [{"email": "a@example.com"}, 5, {"email": "b@example.com"}]
        events = read(standard_webhooks.PROVIDER, {"type": "contacts.imported", "data": people}, headers)
        assert [event.event_id for event in events] == ["m:0", None, "m:2"]
        assert read_one(standard_webhooks.PROVIDER, {"type": "contact.deleted", "data": {"id": 1}}).kind == "ignored"

    @pytest.mark.parametrize("length", [24, 25, 26])
    @pytest.mark.parametrize("names", ["webhook", "svix"])
    def test_secret_needs_no_padding(self, length: int, names: str) -> None:
        key, body = bytes(range(length)), b"{}"
        sent_at = str(int(NOW))
        signature = base64.b64encode(hmac.digest(key, f"m.{sent_at}.".encode() + body, "sha256")).decode()
        headers = {f"{names}-id": "m", f"{names}-timestamp": sent_at, f"{names}-signature": f"v1,x v1,{signature}"}
        for secret in (base64.b64encode(key).decode(), "whsec_" + base64.b64encode(key).decode().rstrip("=")):
            assert refusal(standard_webhooks.PROVIDER, request_of(body, headers), {"secret": secret}) == ""

    def test_public_key_verifies_version_1a_alone(self) -> None:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        sent_at, credentials = str(int(NOW)), {"secret": "whpk_" + base64.b64encode(public).decode()}
        signature = base64.b64encode(private.sign(f"m.{sent_at}.{{}}".encode())).decode()
        forged = base64.b64encode(hmac.digest(public, f"m.{sent_at}.{{}}".encode(), "sha256")).decode()
        cases = [(f"v1a,{signature}", ""), (f"v1,{forged}", "bad_signature"), ("v1a,x v1a,eA==", "bad_signature")]
        for sent, reason in cases:
            headers = {"webhook-id": "m", "webhook-timestamp": sent_at, "webhook-signature": sent}
            assert refusal(standard_webhooks.PROVIDER, request_of({}, headers), credentials) == reason
        headers["webhook-signature"] = f"v1a,{signature}"
        assert refusal(standard_webhooks.PROVIDER, request_of({}, headers), {"secret": "whpk_x"}) == "bad_signature"
