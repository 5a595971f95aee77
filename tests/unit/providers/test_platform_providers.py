"""Requests of CRMs, shops, automation tools and plain webhooks become the leads that a careful human would read."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.provider import Provider
from shared.integrations.providers import hubspot, intercom, make, n8n, shopify, standard_webhooks, webhook, zapier
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, JSON_MEDIA_TYPE, UnreadableBody
from shared.leads.inbound import INBOUND_LEAD
from tests.support.provider_requests import (
    MULTIPART,
    NOW,
    SECRET,
    URL,
    read,
    read_one,
    recorded_vectors,
    refusal,
    request_of,
    sample_body,
    vector_request,
)
from tests.support.wider_samples import cases_or_skip

pytestmark = pytest.mark.unit

PROVIDERS_BY_TYPE = [
    module.PROVIDER for module in (hubspot, intercom, make, n8n, shopify, standard_webhooks, webhook, zapier)
]
NAMES = {"first_name": "Sam", "last_name": "Sample"}
PERSON = {**NAMES, "email": "sam@example.com"}


def vectors() -> list[tuple[Provider, str, dict[str, Any]]]:
    """Return the signed vectors of the providers, and those of the schemes that a plain webhook may use."""
    used: list[tuple[Provider, str, str, dict[str, str]]] = [
        (hubspot.PROVIDER, "hubspot", "client_secret", {}),
        (intercom.PROVIDER, "intercom", "client_secret", {}),
        (shopify.PROVIDER, "shopify", "client_secret", {}),
        (standard_webhooks.PROVIDER, "standard_webhooks", "secret", {}),
        (webhook.PROVIDER, "stripe_style", "secret", {"signature_header": "Stripe-Signature"}),
    ]
    found = []
    for provider, folder, credential, more in used:
        found += [
            (provider, f"{folder}-{one['name']}", {**one, "credentials": {**more, credential: one["secret"]}})
            for one in recorded_vectors(folder)
        ]
    return found


VECTORS = [pytest.param(one[0], one[2], id=one[1]) for one in vectors()]


@pytest.mark.parametrize(("provider", "vector"), cases_or_skip(VECTORS, 2))
def test_vector_is_accepted_or_refused_as_marked(provider: Provider, vector: dict[str, Any]) -> None:
    assert (refusal(provider, vector_request(vector), vector["credentials"]) == "") == (vector["expected"] == "valid")


@pytest.mark.parametrize("provider", PROVIDERS_BY_TYPE, ids=lambda provider: provider.type.type)
def test_sample_of_a_provider_is_a_lead_within_the_limits(provider: Provider) -> None:
    (event,) = provider.read(provider.sample.to_request(URL, NOW), {})
    assert event.event_id
    if event.kind == "lead":
        assert {"first_name": "Sam", "last_name": "Sample", "email": "sam@example.com"}.items() <= event.lead.items()
        assert event.lead["custom_fields"] or event.lead["notes"]
        INBOUND_LEAD.validate_python(dict(event.lead))


class TestHubSpot:
    def test_creation_is_fetched(self) -> None:
        event = read_one(hubspot.PROVIDER, sample_body("hubspot/contact_creation.json"))
        assert (event.kind, event.object_id, event.account_id) == ("fetch", "65059681032", "12345678")
        assert event.event_id == "567890123:234567:12345678"
        assert event.attribution == {
            "at": "2024-02-26T22:29:58.741+00:00",
            "provider_lead_id": "65059681032",
        }

    def test_events_of_one_request_are_told_apart(self) -> None:
        base = {"eventId": "7", "subscriptionId": 8, "portalId": 9, "objectId": 101, "attemptNumber": 3}
        kinds = {
            "contact.creation": "fetch",
            "contact.privacyDeletion": "deletion",
            "contact.deletion": "ignored",
            "contact.propertyChange": "ignored",
            "company.creation": "ignored",
            "object.creation": "ignored",
        }
        events = read(hubspot.PROVIDER, [{**base, "subscriptionType": type_} for type_ in kinds])
        assert [event.kind for event in events] == list(kinds.values())
        assert all(event.note for event in events if event.kind == "ignored")
        assert {event.event_id for event in events if event.kind != "ignored"} == {"7:8:9"}

    @pytest.mark.parametrize(("type_id", "kind"), [("0-1", "fetch"), ("0-2", "ignored"), (None, "ignored")])
    def test_generic_creation_counts_for_contacts_alone(self, type_id: str | None, kind: str) -> None:
        item = {"eventId": 7, "objectId": 101, "subscriptionType": "object.creation", "objectTypeId": type_id}
        assert read_one(hubspot.PROVIDER, item).kind == kind

    def test_bad_items_lose_no_other(self) -> None:
        good = {"eventId": 7, "objectId": 101, "subscriptionType": "contact.creation"}
        events = read(hubspot.PROVIDER, [None, "x", {**good, "objectId": None}, [], good])
        assert [event.kind for event in events] == [*["ignored"] * 4, "fetch"]

    def test_fetched_contact_is_a_lead(self) -> None:
        contact = {
            "id": "101",
            "properties": {
                "firstname": "Sam", "lastname": "Sample", "email": "sam@example.com", "phone": None,
                "mobilephone": "+14155550123", "company": "Sample Ltd", "jobtitle": "Buyer", "country": "France",
                "message": "Call me", "hs_object_id": "101", "createdate": "2026-03-28T09:30:00.000Z",
                "budget": "10000",
                "hs_google_click_id": "click", "utm_source": "newsletter",
                "hs_analytics_first_url": "https://example.com/a?utm_campaign=spring",
            },
            "createdAt": "2026-03-28T09:30:00.000Z",
        }  # fmt: skip
        event = hubspot.lead_event_of(contact)
        assert event.lead == {
            **PERSON,
            "phone": "+14155550123",
            "company": "Sample Ltd",
            "job_title": "Buyer",
            "country": "France",
            "notes": "Call me",
            "custom_fields": {"budget": "10000"},
        }
        assert event.external_id == "101"
        assert event.attribution == {
            "at": "2026-03-28T09:30:00+00:00",
            "provider_lead_id": "101",
            "landing_page": "https://example.com/a?utm_campaign=spring",
            "utm_source": "newsletter",
            "utm_campaign": "spring",
            "click_ids": {"gclid": "click"},
        }
        assert hubspot.lead_event_of(None).lead == {}

    def test_signature_covers_the_decoded_address(self) -> None:
        url, sent_at = f"{URL}?a=b%2Fc%20d", str(int(NOW * 1000))
        signed = f"POST{URL}?a=b/c%20d[]{sent_at}".encode()
        signature = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": sent_at}
        request = request_of(b"[]", headers, url=url)
        assert refusal(hubspot.PROVIDER, request, {"client_secret": SECRET}) == ""

    @pytest.mark.parametrize(
        ("headers", "reason"),
        [
            ({}, "missing_signature"),
            ({"X-HubSpot-Signature-v3": "x"}, "missing_signature"),
            ({"X-HubSpot-Signature-v3": "x", "X-HubSpot-Request-Timestamp": "soon"}, "bad_signature"),
            ({"X-HubSpot-Signature-v3": "\udcff", "X-HubSpot-Request-Timestamp": "1"}, "bad_signature"),
            ({"X-HubSpot-Signature": "x", "X-HubSpot-Signature-Version": "v9"}, "bad_signature"),
        ],
    )
    def test_malformed_signature_is_refused(self, headers: dict[str, str], reason: str) -> None:
        assert refusal(hubspot.PROVIDER, request_of([], headers), {"client_secret": SECRET}) == reason

    def test_good_old_signature_does_not_help_a_bad_new_one(self) -> None:
        old = hashlib.sha256(SECRET.encode() + b"[]").hexdigest()
        new = {"X-HubSpot-Signature-v3": "x", "X-HubSpot-Request-Timestamp": str(int(NOW * 1000))}
        request = request_of([], {"X-HubSpot-Signature": old})
        assert refusal(hubspot.PROVIDER, request, {"client_secret": SECRET}) == ""
        request = request_of([], {"X-HubSpot-Signature": old, **new})
        assert refusal(hubspot.PROVIDER, request, {"client_secret": SECRET}) == "bad_signature"


class TestIntercom:
    def test_created_lead_is_read(self) -> None:
        event = read_one(intercom.PROVIDER, sample_body("intercom/contact_lead_created.json"))
        assert event.lead == {
            "first_name": "Ada", "last_name": "Example", "email": "lead@example.com", "phone": "+16505550123",
        }  # fmt: skip
        assert event.event_id == "notif_00000000-0000-4000-8000-000000000001"
        assert (event.account_id, event.external_id) == ("ws000001", "65000000000000000000a001")
        assert event.attribution["utm_source"] == "google"
        assert event.attribution["at"] == "2024-02-26T22:29:59+00:00"

    @pytest.mark.parametrize(
        ("topic", "kind"),
        [
            ("contact.user.created", "lead"),
            ("contact.email.updated", "lead"),
            ("contact.lead.added_email", "lead"),
            ("user.created", "lead"),
            ("contact.deleted", "ignored"),
            ("contact.user.tag.created", "ignored"),
            ("conversation.user.created", "ignored"),
        ],
    )
    def test_topics_are_told_apart(self, topic: str, kind: str) -> None:
        item = {"id": 5, "email": "sam@example.com", "name": None, "phone": None, "unsubscribed_from_emails": True}
        item |= {
            "companies": {"data": [{"name": "Sample Ltd"}]},
            "custom_attributes": {"plan": "pro", "job_title": "CTO"},
        }
        event = read_one(intercom.PROVIDER, {"topic": topic, "id": None, "data": {"item": item}})
        assert event.kind == kind
        if kind == "lead":
            custom = {"custom_fields": {"plan": "pro"}}
            assert event.lead == {"email": "sam@example.com", "company": "Sample Ltd", "job_title": "CTO", **custom}
            assert event.attribution == {"provider_lead_id": "5", "consent": {"email": False}}

    def test_ping_is_a_test(self) -> None:
        item = {"type": "ping", "message": "something something"}
        event = read_one(intercom.PROVIDER, {"topic": "ping", "id": "notif_1", "app_id": "a", "data": {"item": item}})
        assert (event.kind, event.is_test, event.account_id) == ("lead", True, "a")
        assert event.lead == {"custom_fields": {"message": "something something"}}


class TestShopify:
    HEADERS = {"X-Shopify-Event-Id": "e1", "X-Shopify-Webhook-Id": "w1", "X-Shopify-Shop-Domain": "s.example.com"}  # noqa: RUF012

    def test_created_customer_is_read(self) -> None:
        body = sample_body("shopify/customers_create.json")
        event = read_one(shopify.PROVIDER, body, {**self.HEADERS, "X-Shopify-Topic": "customers/create"})
        assert event.lead == {"first_name": "John", "last_name": "Doe", "email": "john.doe@example.com"}
        assert event.attribution == {"at": "2024-11-10T15:30:00+00:00", "provider_lead_id": "5940139491234"}
        assert (event.event_id, event.account_id) == ("e1:customers/create", "s.example.com")
        assert event.external_id == "5940139491234"

    def test_event_is_known_by_the_best_id_that_came(self) -> None:
        customer = {"id": 2**60 + 1, "email": "sam@example.com"}
        assert read_one(shopify.PROVIDER, customer).event_id == f"{2**60 + 1}:customers/create"
        event = read_one(shopify.PROVIDER, customer, {"X-Shopify-Webhook-Id": "w1"})
        assert event.event_id == "w1:customers/create"

    def test_full_customer_is_read(self) -> None:
        customer = {
            "id": 1, "email": "sam@example.com", "first_name": "Sam", "last_name": "Sample", "phone": None,
            "note": "VIP", "tags": "a, b", "email_marketing_consent": {"state": "subscribed"},
            "sms_marketing_consent": {"state": "not_subscribed"}, "accepts_marketing": True,
            "default_address": {"company": "Sample Ltd", "phone": "+14155550123", "city": "Paris", "country": "France"},
        }  # fmt: skip
        event = read_one(shopify.PROVIDER, customer)
        custom = {"customer_tags": "a, b", "city": "Paris"}
        lead = {**PERSON, "phone": "+14155550123", "company": "Sample Ltd", "country": "France", "notes": "VIP"}
        assert event.lead == {**lead, "custom_fields": custom}
        consent = {"accepts_marketing": True, "email_marketing_consent": True, "sms_marketing_consent": False}
        assert event.attribution["consent"] == consent

    def test_order_is_a_lead_of_its_customer(self) -> None:
        order = {
            "id": 5, "name": "#1001", "email": "sam@example.com", "contact_email": "sam@example.com", "phone": None,
            "total_price": "49.90", "currency": "EUR", "note": "Leave at the door", "test": True,
            "landing_site": "/products?utm_source=newsletter&gclid=click", "referring_site": "https://www.example.com/",
            "buyer_accepts_marketing": False, "line_items": [], "note_attributes": [{"name": "Gift", "value": "yes"}],
            "customer": {"id": 9, "first_name": "Sam", "last_name": "Sample", "email": "sam@example.com"},
            "billing_address": {"phone": "+14155550123", "country": "France", "company": None},
        }  # fmt: skip
        event = read_one(shopify.PROVIDER, order)
        custom = {"order_name": "#1001", "order_total_price": "49.90", "order_currency": "EUR", "gift": "yes"}
        lead = {**PERSON, "phone": "+14155550123", "country": "France", "notes": "Leave at the door"}
        assert event.lead == {**lead, "custom_fields": custom}
        assert event.attribution == {
            "provider_lead_id": "9", "landing_page": "/products?utm_source=newsletter&gclid=click",
            "referrer": "https://www.example.com/", "utm_source": "newsletter", "click_ids": {"gclid": "click"},
            "consent": {"buyer_accepts_marketing": False},
        }  # fmt: skip
        assert (event.event_id, event.external_id, event.is_test) == ("5:orders/create", "9", True)

    def test_privacy_topics_are_told_apart(self) -> None:
        shop = {"shop_id": 1, "shop_domain": "s.example.com"}
        redact = {**shop, "customer": {"id": 9, "email": "sam@example.com"}, "orders_to_redact": []}
        event = read_one(shopify.PROVIDER, redact)
        assert (event.kind, event.object_id, event.account_id) == ("deletion", "9", "s.example.com")
        for body, topic in ((shop, "shop/redact"), ({**shop, "data_request": {"id": 3}}, "customers/data_request")):
            event = read_one(shopify.PROVIDER, body)
            assert (event.kind, event.note) == ("ignored", topic)
        assert read_one(shopify.PROVIDER, {"id": 1}, {"X-Shopify-Topic": "products/create"}).note == "products/create"


MEMBERS = (
    "data item topic id email name first_name phone properties companies custom_attributes objectId subscriptionType "
    "customer note_attributes default_address email_marketing_consent type timestamp contact__email event_id tags "
    "value label created_at"
).split()
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20),
    st.sampled_from(["ping", "contact.user.created", "contact.creation", "contact.privacyDeletion", "a@example.com"]),
)  # fmt: skip
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=25,
)
TOPICS = st.sampled_from(["", "customers/create", "orders/create", "customers/redact", "x"])


@given(DOCUMENTS, TOPICS, st.sampled_from(PROVIDERS_BY_TYPE))
def test_no_document_makes_a_reader_fail(document: Any, topic: str, provider: Provider) -> None:
    hubspot.lead_event_of(document)
    try:
        events = read(provider, document, {"X-Shopify-Topic": topic})
    except UnreadableBody:
        return
    for event in events:
        INBOUND_LEAD.validate_python({"email": "a@example.com", **event.lead})


@given(
    st.binary(max_size=60),
    st.sampled_from(PROVIDERS_BY_TYPE),
    st.sampled_from([JSON_MEDIA_TYPE, "", "text/plain", FORM_MEDIA_TYPE, MULTIPART]),
)
def test_no_bytes_make_a_reader_fail(body: bytes, provider: Provider, media_type: str) -> None:
    try:
        read(provider, body, media_type=media_type)
    except UnreadableBody:
        return


@given(st.text(max_size=40), st.text(max_size=20), st.sampled_from(PROVIDERS_BY_TYPE))
def test_no_header_makes_a_verifier_fail(sent: str, sent_at: str, provider: Provider) -> None:
    names = (
        "X-HubSpot-Signature-v3 X-Hub-Signature X-Shopify-Hmac-Sha256 X-Webhook-Signature webhook-signature webhook-id"
    )
    headers = {
        **dict.fromkeys(names.split(), sent),
        "webhook-timestamp": sent_at,
        "X-HubSpot-Request-Timestamp": sent_at,
    }
    credentials = {"client_secret": SECRET, "secret": SECRET, "header_secret": SECRET}
    assert refusal(provider, request_of({}, headers), credentials)
