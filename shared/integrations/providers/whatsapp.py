"""WhatsApp Cloud API: many messages a request; a person has a phone number, a business-scoped user id, or both.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages and
…/whatsapp/business-scoped-user-ids (`user_id`; `from` and `wa_id` may be absent since 2026).
"""

import re
from collections.abc import Iterator
from typing import Any

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.chat_reading import international_phone, json_answers, lines_of, place_text
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)

WHATSAPP = IntegrationType(
    "whatsapp",
    "WhatsApp Cloud API",
    INBOUND_ONLY,
    (CredentialField("app_secret", "App secret"), CredentialField("verify_token", "Verify token")),
    "HMAC-SHA256 of the body with the app secret, in X-Hub-Signature-256; the handshake by the verify token.",
    "https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks",
)
MESSAGES_THAT_SAY_NOTHING = ("edit", "revoke", "errors")  # of somebody who has written before
NUMBER_CHANGED, USER_ID_CHANGED = "user_changed_number", "user_changed_user_id"
# Meta's form builder names the answers of a flow like screen_0_First_name_1.
_FLOW_NUMBERING = re.compile(r"^screen_\d+_|_\d+$")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-Hub-Signature-256")
    require_equal(sent, f"sha256={hmac_hex(credentials['app_secret'], request.body)}")


def answer_handshake(request: WebhookRequest, credentials: Credentials) -> WebhookAnswer:
    """Return Meta's challenge for the right verify token. Raises SignatureRefused."""
    require_equal(request.query.get("hub.verify_token"), credentials["verify_token"], "wrong_token")
    if request.query.get("hub.mode") != "subscribe":
        raise SignatureRefused("wrong_token")
    return WebhookAnswer(body=request.query.get("hub.challenge", "").encode(errors="replace"))


def read(request: WebhookRequest, _credentials: Credentials) -> Iterator[SourceEvent]:
    """Return the messages of the request. Raises UnreadableBody."""
    document = request.document_object
    if not isinstance(document.get("entry"), list):
        raise UnreadableBody("The body has no entry.")
    return (event for entry in list_at(document, "entry") for event in _entry_events(entry))


def _entry_events(entry: Any) -> Iterator[SourceEvent]:
    is_test = text_at(entry, "id") == "0"  # the button "Test" of the app's dashboard
    for change in list_at(entry, "changes"):
        field, value = text_at(change, "field"), dict_at(change, "value")
        if field not in ("", "messages"):
            yield SourceEvent(kind="ignored", note=field[:100])
            continue
        for message in list_at(value, "messages"):
            yield _message_event(message, value, is_test)
        for status in list_at(value, "statuses"):
            yield SourceEvent(kind="ignored", note=f"status {text_at(status, 'status')}"[:100].strip())
        if not list_at(value, "messages") and not list_at(value, "statuses"):
            yield SourceEvent(kind="ignored", note="errors" if list_at(value, "errors") else "no message")


def _message_event(message: Any, value: dict[str, Any], is_test: bool) -> SourceEvent:
    type_ = text_at(message, "type")
    system_type = text_at(message, "system", "type") or "system"
    if not isinstance(message, dict) or type_ in MESSAGES_THAT_SAY_NOTHING or _is_removed_reaction(message):
        return SourceEvent(kind="ignored", note=type_[:100] or "no message")
    if type_ == "system" and system_type not in (NUMBER_CHANGED, USER_ID_CHANGED):
        return SourceEvent(kind="ignored", note=system_type[:100])
    contact = _sender(message, list_at(value, "contacts"))
    fields = _system_fields(message) if type_ == "system" else _lead_fields(message, contact)
    return SourceEvent(
        event_id=text_at(message, "id") or None,
        lead=read_contact(fields),
        attribution=_attribution(message),
        external_id=_user_id(message, contact),
        former_external_id=text_at(message, "system", "previous_user_id") or None,
        former_phone=_phone(text_at(message, "from")) if system_type == NUMBER_CHANGED else None,
        account_id=text_at(value, "metadata", "phone_number_id") or None,
        is_test=is_test,
        document={**value, "contacts": [contact] if contact else [], "messages": [message]},
    )


def _sender(message: Any, contacts: list[Any]) -> dict[str, Any]:
    """Return the contact of a message: the one with its ids, or the only one."""
    for key, member in (("from_user_id", "user_id"), ("from", "wa_id")):
        sent = text_at(message, key)
        for contact in contacts:
            if sent and text_at(contact, member) == sent:
                return dict_at(contact)
    return dict_at(contacts, 0) if len(contacts) == 1 else {}


def _user_id(message: Any, contact: Any) -> str | None:
    """Return the person's business-scoped id: after a change the new one."""
    ids = (text_at(message, "system", "user_id"), text_at(message, "from_user_id"), text_at(contact, "user_id"))
    return next(filter(None, ids), None)


def _phone(*numbers: str) -> str:
    return next((phone for number in numbers if (phone := international_phone(number)).startswith("+")), "")


def _lead_fields(message: Any, contact: Any) -> Iterator[AnsweredField]:
    phone = _phone(text_at(message, "from"), text_at(contact, "wa_id"))
    answers = _flow_answers(message)
    yield AnsweredField(phone, label="Phone", kind="phone")
    for key, answer in answers.items():
        if key != "flow_token":
            yield AnsweredField(answer, label=_FLOW_NUMBERING.sub("", key), key=key)
    # A name that the person typed in a flow wins over the one of the profile.
    yield AnsweredField(text_at(contact, "profile", "name"), label="Name", kind=None if answers else "full_name")
    yield AnsweredField("" if answers else message_text(message), label="Message", kind="notes")
    yield AnsweredField(text_at(message, "document", "filename"), label="Attachments", kind="custom")
    username = text_at(contact, "profile", "username") or text_at(contact, "username")
    yield AnsweredField(username, label="Username", kind="custom")
    yield AnsweredField(text_at(message, "referral", "headline"), label="Ad headline", kind="custom")


def _flow_answers(message: Any) -> dict[str, Any]:
    """Return the answers of a flow, a form within the chat."""
    return json_answers(text_at(message, "interactive", "nfm_reply", "response_json"))


def _system_fields(message: Any) -> Iterator[AnsweredField]:
    system = value_at(message, "system")
    new = _phone(*(text_at(system, key) for key in ("wa_id", "new_wa_id", "customer")))
    old = _phone(text_at(message, "from"))
    yield AnsweredField(new or old, label="Phone", kind="phone")
    yield AnsweredField(old if new else "", label="Previous phone", kind="custom")
    yield AnsweredField(text_at(system, "body"), label="Message", kind="notes")


def message_text(message: Any) -> str:
    """Return what a message says, whatever its type."""
    type_ = text_at(message, "type")
    content = value_at(message, type_)
    if type_ == "location":
        return place_text(content, "latitude", "longitude")
    if type_ == "contacts":
        return lines_of(*map(_shared_contact, list_at(content)))
    if type_ == "interactive":
        content = value_at(content, text_at(content, "type"))
        return lines_of(text_at(content, "title"), text_at(content, "description"), text_at(content, "body"))
    if type_ == "order":
        return lines_of(text_at(content, "text"), *map(_ordered_product, list_at(content, "product_items")))
    members = ("body", "text", "caption", "emoji")  # text; button; image, video and document; reaction
    said = next(filter(None, (text_at(content, member) for member in members)), "")
    return said or ("" if type_ in ("", "text", "request_welcome") else f"({type_})")


def _shared_contact(contact: Any) -> str:
    name = text_at(contact, "name", "formatted_name") or text_at(contact, "name", "first_name")
    phones = (text_at(phone, "phone") or text_at(phone, "wa_id") for phone in list_at(contact, "phones"))
    emails = (text_at(address, "email") for address in list_at(contact, "emails"))
    return ", ".join(filter(None, (name, text_at(contact, "org", "company"), *phones, *emails)))


def _ordered_product(item: Any) -> str:
    price = " ".join(filter(None, (text_at(item, "item_price"), text_at(item, "currency"))))
    return f"{text_at(item, 'quantity')} × {text_at(item, 'product_retailer_id')} ({price})"


def _is_removed_reaction(message: Any) -> bool:
    return text_at(message, "type") == "reaction" and not text_at(message, "reaction", "emoji")


def _attribution(message: Any) -> Attribution:
    referral, click_id = dict_at(message, "referral"), text_at(message, "referral", "ctwa_clid")
    return make_attribution(
        _flow_answers(message),
        at=utc_time(value_at(message, "timestamp")),
        platform="meta" if referral else "",
        ad_id=text_at(referral, "source_id") if text_at(referral, "source_type") != "post" else "",
        referrer=text_at(referral, "source_url"),
        click_ids={"ctwa_clid": click_id} if click_id else {},
    )


PROVIDER = Provider(
    type=WHATSAPP,
    verify=verify,
    read=read,
    answer_handshake=answer_handshake,
    sample=SampleRequest(
        body=b'{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages",'
        b'"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"14155550100","phone_number_id":'
        b'"106540352242922"},"contacts":[{"profile":{"name":"Sam Sample"},"wa_id":"14155550123","user_id":'
        b'"US.10000000000000000001"}],"messages":[{"from":"14155550123","from_user_id":"US.10000000000000000001","id":'
        b'"wamid.SAMPLE","timestamp":"1774690200","type":"interactive","referral":{"source_url":"https://fb.me/sample",'
        b'"source_type":"ad","source_id":"120200000000000001","headline":"Solar roofs","ctwa_clid":"sample-click"},'
        b'"interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\\"flow_token\\":'
        b'\\"unused\\",\\"email\\":\\"sam@example.com\\",\\"budget\\":\\"10000\\",\\"utm_source\\":\\"instagram\\"}"}}}]}}]}]}'
    ),
)
