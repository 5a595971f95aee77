"""Shopify: customers, and the customers of orders and checkouts, one a request.

Sources: https://shopify.dev/docs/apps/build/webhooks/subscribe/https (signature),
https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates (ids),
https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance (topics that ask for the data of a person).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, is_true_at, list_at, text_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

SHOPIFY = IntegrationType(
    "shopify",
    "Shopify",
    INBOUND_ONLY,
    (CredentialField("client_secret", "Client secret of the app, or the shop's signing secret"),),
    "HMAC-SHA256 of the body with the client secret, in X-Shopify-Hmac-Sha256.",
    "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
)
CUSTOMER_TOPICS = ("customers/create", "customers/update")
PURCHASE_TOPICS = ("orders/create", "checkouts/create")
REDACTION_TOPIC = "customers/redact"
CONSENTS = ("email_marketing_consent", "sms_marketing_consent")  # objects with a state
MARKETING_FLAGS = ("accepts_marketing", "buyer_accepts_marketing")  # of older versions of the API, and of orders
KINDS_BY_MEMBER: Mapping[str, ContactKind] = {
    "email": "email",
    "contact_email": "email",
    "phone": "phone",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "country_name": "country",
    "country": "country",
}
TOLD_ABOUT_CUSTOMER = ("tags",)
TOLD_ABOUT_PURCHASE = ("name", "total_price", "currency", "tags")
ADDRESSES = ("default_address", "billing_address", "shipping_address")
PLACES = ("city", "province", "zip")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-Shopify-Hmac-Sha256")
    require_equal(sent, hmac_base64(credentials["client_secret"], request.body))


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the customer of the request, or the one to forget. Raises UnreadableBody."""
    document = request.document_object
    topic = str(request.headers.get("X-Shopify-Topic") or "").strip().lower() or _topic_of(document)
    shop = str(request.headers.get("X-Shopify-Shop-Domain") or "") or text_at(document, "shop_domain")
    if topic in CUSTOMER_TOPICS:
        return [_lead_event(request, topic, shop, document, {})]
    if topic in PURCHASE_TOPICS:
        return [_lead_event(request, topic, shop, dict_at(document, "customer"), document)]
    customer_id = text_at(document, "customer", "id")
    if topic != REDACTION_TOPIC or not customer_id:
        return [SourceEvent(kind="ignored", note=topic)]
    return [
        SourceEvent(
            kind="deletion",
            event_id=_event_id(request, topic, customer_id),
            external_id=customer_id,
            account_id=shop or None,
            object_id=customer_id,
            document=document,
        )
    ]


def _topic_of(document: Mapping[str, Any]) -> str:
    """Return the topic of a body that came without its header. Raises UnreadableBody."""
    for member, topic in (
        ("orders_to_redact", REDACTION_TOPIC),
        ("data_request", "customers/data_request"),
        ("line_items", "orders/create"),
        ("shop_domain", "shop/redact"),
        ("id", "customers/create"),
    ):
        if member in document:
            return topic
    raise UnreadableBody("The request has no X-Shopify-Topic, and the body is no customer.")


def _lead_event(
    request: WebhookRequest, topic: str, shop: str, customer: dict[str, Any], purchase: dict[str, Any]
) -> SourceEvent:
    document = purchase or customer
    attributes = {text_at(pair, "name"): text_at(pair, "value") for pair in list_at(purchase, "note_attributes")}
    customer_id = text_at(customer, "id")
    return SourceEvent(
        event_id=_event_id(request, topic, text_at(document, "id")),
        lead=read_contact([*_customer_fields(customer, purchase), *_attribute_fields(attributes)]),
        attribution=make_attribution(
            attributes,
            at=utc_time(text_at(document, "created_at") or request.headers.get("X-Shopify-Triggered-At")),
            provider_lead_id=customer_id,
            landing_page=text_at(purchase, "landing_site"),
            referrer=text_at(purchase, "referring_site"),
            consent={**_consents(purchase), **_consents(customer)},
        ),
        external_id=customer_id or None,
        account_id=shop or None,
        is_test=is_true_at(purchase, "test") or str(request.headers.get("X-Shopify-Test")).lower() == "true",
        document=document,
    )


def _event_id(request: WebhookRequest, topic: str, object_id: str) -> str | None:
    """Return the key of an event. One event of Shopify's may be told under several topics."""
    for header in ("X-Shopify-Event-Id", "X-Shopify-Webhook-Id"):
        if sent := request.headers.get(header):
            return f"{sent}:{topic}"
    return f"{object_id}:{topic}" if object_id else None


def _customer_fields(customer: Mapping[str, Any], purchase: Mapping[str, Any]) -> Iterator[AnsweredField]:
    """Yield the person's data: the customer's own, then those of the purchase, then those of addresses."""
    addresses = [dict_at(node, name) for node in (customer, purchase) for name in ADDRESSES]
    for member, kind in KINDS_BY_MEMBER.items():
        values = [text_at(node, member) for node in (customer, purchase, *addresses)]
        if value := next(filter(None, values), ""):
            yield AnsweredField(value, key=member, kind=kind)
    yield AnsweredField(text_at(customer, "note"), key="note", kind="notes")
    yield AnsweredField(text_at(purchase, "note"), key="note", kind="notes")
    for member in TOLD_ABOUT_CUSTOMER:
        yield AnsweredField(customer.get(member), key=f"customer_{member}", kind="custom")
    for member in TOLD_ABOUT_PURCHASE:
        yield AnsweredField(purchase.get(member), key=f"order_{member}", kind="custom")
    for member in PLACES:
        value = next(filter(None, (text_at(address, member) for address in addresses)), "")
        yield AnsweredField(value, key=member, kind="custom")


def _attribute_fields(attributes: Mapping[str, str]) -> Iterator[AnsweredField]:
    return (AnsweredField(value, key=name) for name, value in attributes.items())


def _consents(node: Mapping[str, Any]) -> dict[str, bool]:
    given = {name: node[name] for name in MARKETING_FLAGS if isinstance(node.get(name), bool)}
    states = {name: text_at(node, name, "state") for name in CONSENTS}
    return {**given, **{name: state == "subscribed" for name, state in states.items() if state}}


PROVIDER = Provider(
    type=SHOPIFY,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"id":7300000000001,"email":"sam@example.com","created_at":"2026-03-28T10:30:00+01:00","first_name":"Sam",'
        b'"last_name":"Sample","phone":"+14155550123","note":"Please call in the morning.","tags":"wholesale",'
        b'"email_marketing_consent":{"state":"subscribed","opt_in_level":"single_opt_in"},"default_address":'
        b'{"company":"Sample Ltd","city":"Springfield","country":"United States","country_name":"United States"}}',
        headers={"X-Shopify-Topic": "customers/create", "X-Shopify-Event-Id": "sample-event"},
    ),
)
