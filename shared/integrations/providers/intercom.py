"""Intercom: one notification a request, about a contact of one of the workspaces that use the app.

Source: https://developers.intercom.com/docs/references/webhooks/webhook-models (topics, notification, signature).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

INTERCOM = IntegrationType(
    "intercom",
    "Intercom",
    INBOUND_ONLY,
    (CredentialField("client_secret", "Client secret"),),
    "HMAC-SHA1 of the body with the client secret, in X-Hub-Signature.",
    "https://developers.intercom.com/docs/references/webhooks/webhook-models",
)
PING = "ping"
# Topics with a whole contact. Those before version 2 of the API begin with user., and leads were contacts then.
CONTACT_TOPICS = frozenset(
    "contact.created contact.updated contact.added_email contact.signed_up contact.email.updated contact.lead.created "
    "contact.lead.updated contact.lead.added_email contact.lead.signed_up contact.user.created contact.user.updated "
    "user.created user.email.updated visitor.signed_up".split()
)
COUNTRY_PATHS = (("location", "country"), ("location_data", "country_name"))


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-Hub-Signature")
    require_equal(sent, f"sha1={hmac_hex(credentials['client_secret'], request.body, 'sha1')}")


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the contact of the notification. Raises UnreadableBody."""
    document = request.document_object
    topic = text_at(document, "topic")
    if not topic:
        raise UnreadableBody("The notification has no topic.")
    if topic != PING and topic not in CONTACT_TOPICS:
        return [SourceEvent(kind="ignored", note=topic)]
    contact = dict_at(document, "data", "item")
    answers = list(_answered_fields(contact))
    return [
        SourceEvent(
            event_id=text_at(document, "id") or None,
            lead=read_contact(answers),
            attribution=make_attribution(
                {**dict_at(contact, "custom_attributes"), **contact},
                at=utc_time(document.get("created_at")),
                provider_lead_id=text_at(contact, "id"),
                referrer=text_at(contact, "referrer"),
                consent=_consents(contact),
            ),
            external_id=text_at(contact, "id") or None,
            account_id=text_at(document, "app_id") or None,
            is_test=topic == PING,
            note=PING if topic == PING else "",
            document=document,
        )
    ]


def _answered_fields(contact: Mapping[str, Any]) -> Iterator[AnsweredField]:
    yield AnsweredField(contact.get("email"), key="email", kind="email")
    yield AnsweredField(contact.get("phone"), key="phone", kind="phone")
    yield AnsweredField(contact.get("name"), key="name", kind="full_name")
    for companies in (list_at(contact, "companies", "data"), list_at(contact, "companies", "companies")):
        for company in companies:
            yield AnsweredField(text_at(company, "name"), key="company", kind="company")
    for path in COUNTRY_PATHS:
        yield AnsweredField(text_at(contact, *path), key="country", kind="country")
    if message := text_at(contact, "message"):  # of a ping
        yield AnsweredField(message, key="message", kind="custom")
    for key, value in dict_at(contact, "custom_attributes").items():
        yield AnsweredField(value, key=key)


def _consents(contact: Mapping[str, Any]) -> dict[str, bool]:
    """Return what the contact agreed or objected to. That somebody has not unsubscribed is no consent."""
    given = {name: contact[name] for name in ("sms_consent",) if isinstance(contact.get(name), bool)}
    return {**given, "email": False} if contact.get("unsubscribed_from_emails") is True else given


PROVIDER = Provider(
    type=INTERCOM,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"type":"notification_event","app_id":"sample01","id":"notif_sample","topic":"contact.lead.created",'
        b'"created_at":1774690200,"data":{"type":"notification_event_data","item":{"type":"contact","id":'
        b'"6500000000000000000000aa","role":"lead","name":"Sam Sample","email":"sam@example.com","phone":'
        b'"+14155550123","location":{"type":"location","country":"Ireland"},"custom_attributes":'
        b'{"budget":"10,000","utm_source":"newsletter","utm_campaign":"spring"}}}}'
    ),
)
