"""Viber bots: one event a request. A person has an id for the bot, and a phone number once he or she shares it.

Source: https://developers.viber.com/docs/api/rest-bot-api/#callbacks.
"""

from collections.abc import Iterator
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.chat_reading import custom_fields, international_phone, lines_of, place_text
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

VIBER = IntegrationType(
    "viber",
    "Viber bot",
    INBOUND_ONLY,
    (CredentialField("auth_token", "Authentication token"),),
    "HMAC-SHA256 of the body with the authentication token, in X-Viber-Content-Signature.",
    "https://developers.viber.com/docs/api/rest-bot-api/",
)
PERSON_MEMBERS = {"message": "sender", "conversation_started": "user", "subscribed": "user"}


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-Viber-Content-Signature")
    require_equal(sent.lower(), hmac_hex(credentials["auth_token"], request.body))


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the event of the request. Raises UnreadableBody.

    `webhook`, with which set_webhook tests the address, and receipts such as `delivered` are ignored.
    """
    document = request.document_object
    event, token = text_at(document, "event"), text_at(document, "message_token") or None
    if not event:
        raise UnreadableBody("The body is no event of Viber.")
    person = dict_at(document, PERSON_MEMBERS.get(event, ""))
    if event not in PERSON_MEMBERS or not text_at(person, "id"):
        return [SourceEvent(kind="ignored", event_id=token, note=event[:100])]
    return [
        SourceEvent(
            event_id=token,
            lead=read_contact(_lead_fields(document, person)),
            attribution=make_attribution(
                at=utc_time(value_at(document, "timestamp")), utm_campaign=text_at(document, "context")
            ),
            external_id=text_at(person, "id"),
            document=document,
        )
    ]


def _lead_fields(document: Any, person: dict[str, Any]) -> Iterator[AnsweredField]:
    message = dict_at(document, "message")
    contact = dict_at(message, "contact")
    # A button asks for the sender's own number, which comes under his or her own name, or under none.
    is_own = text_at(contact, "name") in ("", text_at(person, "name"))
    phone = international_phone(text_at(contact, "phone_number"))
    yield AnsweredField(phone if is_own else "", label="Phone", kind="phone")
    yield AnsweredField(text_at(person, "name"), label="Name", kind="full_name")
    yield AnsweredField(text_at(person, "country"), label="Country", kind="country")
    yield AnsweredField(_message_text(message, "" if is_own else phone), label="Message", kind="notes")
    yield AnsweredField(text_at(message, "file_name"), label="Attachments", kind="custom")
    yield from custom_fields(person, {"language": "Language"})
    yield from custom_fields(document, {"context": "Context"})
    yield from custom_fields(message, {"tracking_data": "Tracking data"})


def _message_text(message: dict[str, Any], other_phone: str) -> str:
    type_ = text_at(message, "type")
    shared = ", ".join(filter(None, (text_at(message, "contact", "name"), other_phone))) if other_phone else ""
    address = text_at(message, "media") if type_ == "url" else ""  # of other types it is a file, and soon gone
    said = lines_of(text_at(message, "text"), address, shared, place_text(dict_at(message, "location"), "lat", "lon"))
    return said or ("" if type_ in ("", "text", "contact") else f"({type_})")


PROVIDER = Provider(
    type=VIBER,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"event":"message","timestamp":1774690200000,"message_token":4912661846655238145,"sender":{"id":'
        b'"SampleUserId01==","name":"Sam Sample","country":"US","language":"en","api_version":10},"message":{"type":'
        b'"contact","text":"Write to sam@example.com","contact":{"name":"Sam Sample","phone_number":"14155550123"},'
        b'"tracking_data":"spring-offer"}}'
    ),
)
