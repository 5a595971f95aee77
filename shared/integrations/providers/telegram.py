"""Telegram bots: one update a request. A person has an id, and a phone number once he or she shares it.

Source: https://core.telegram.org/bots/api (setWebhook, Update, Message, Contact) and
https://core.telegram.org/bots/features#deep-linking (/start with a parameter).
"""

import re
from collections.abc import Iterator
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.chat_reading import (
    custom_fields,
    international_phone,
    json_answers,
    lines_of,
    place_text,
)
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, is_true_at, list_at, text_at, value_at
from shared.integrations.signature_checks import require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

TELEGRAM = IntegrationType(
    "telegram",
    "Telegram bot",
    INBOUND_ONLY,
    (CredentialField("secret_token", "Secret token given to setWebhook"),),
    "The header X-Telegram-Bot-Api-Secret-Token must have the secret token.",
    "https://core.telegram.org/bots/api#setwebhook",
)
MESSAGE_MEMBERS = ("message", "business_message", "callback_query")
MEDIA = ("photo", "video", "video_note", "voice", "audio", "document", "animation", "sticker", "poll", "story")
_START_COMMAND = re.compile(r"/start(?:@\w+)?(?:\s+(.*))?", re.DOTALL).fullmatch


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the secret token. Raises SignatureRefused."""
    sent = require_header(request, "X-Telegram-Bot-Api-Secret-Token")
    require_equal(sent, credentials["secret_token"], "wrong_token")


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the update of the request. Raises UnreadableBody."""
    update = request.document_object
    update_id = text_at(update, "update_id")
    if not update_id:
        raise UnreadableBody("The body is no update of Telegram.")
    member = next((name for name in MESSAGE_MEMBERS if dict_at(update, name)), None)
    if member is None:
        names = [name for name in update if name != "update_id"]
        return [SourceEvent(kind="ignored", event_id=update_id, note=", ".join(names)[:100] or "empty update")]
    return [_message_event(dict_at(update, member), update_id, update)]


def _message_event(message: dict[str, Any], update_id: str, update: Any) -> SourceEvent:
    sender, chat = dict_at(message, "from"), dict_at(message, "chat") or dict_at(message, "message", "chat")
    user_id = text_at(sender, "id")
    if not user_id or is_true_at(sender, "is_bot"):
        return SourceEvent(kind="ignored", event_id=update_id, note="no person's message")
    if "business_message" in update and text_at(chat, "id") != user_id:
        return SourceEvent(kind="ignored", event_id=update_id, note="our own message")
    if text_at(chat, "type") not in ("", "private"):
        return SourceEvent(kind="ignored", event_id=update_id, note=f"message in a {text_at(chat, 'type')}"[:100])
    start = start_parameter(text_at(message, "text"))
    return SourceEvent(
        event_id=update_id,
        lead=read_contact(_lead_fields(message, sender)),
        attribution=make_attribution(
            {**_web_app_answers(message), **({"utm_campaign": start} if start else {})},
            at=utc_time(value_at(message, "date")),
        ),
        external_id=user_id,
        document=update,
    )


def start_parameter(text: str) -> str:
    """Return the parameter of a link such as https://t.me/bot?start=campaign, which comes as `/start campaign`."""
    command = _START_COMMAND(text)
    return (command[1] or "").strip() if command else ""


def _lead_fields(message: dict[str, Any], sender: dict[str, Any]) -> Iterator[AnsweredField]:
    contact, order = dict_at(message, "contact"), dict_at(message, "successful_payment", "order_info")
    own_phone = text_at(contact, "phone_number") if _is_own_contact(contact, sender) else ""
    yield AnsweredField(international_phone(own_phone), label="Phone", kind="phone")
    yield AnsweredField(international_phone(text_at(order, "phone_number")), label="Phone", kind="phone")
    yield AnsweredField(text_at(order, "email"), label="Email", kind="email")
    for key, answer in _web_app_answers(message).items():
        yield AnsweredField(answer, key=key)
    yield AnsweredField(text_at(sender, "first_name"), label="First name", kind="first_name")
    yield AnsweredField(text_at(sender, "last_name"), label="Last name", kind="last_name")
    yield AnsweredField(message_text(message, bool(own_phone)), label="Message", kind="notes")
    yield AnsweredField(_file_name(message), label="Attachments", kind="custom")
    yield AnsweredField(start_parameter(text_at(message, "text")), label="Start parameter", kind="custom")
    yield from custom_fields(sender, {"username": "Username", "language_code": "Language code"})


def _web_app_answers(message: dict[str, Any]) -> dict[str, Any]:
    """Return the answers of a form in a web app of the bot, if it sends them as JSON."""
    return json_answers(text_at(message, "web_app_data", "data"))


def _is_own_contact(contact: dict[str, Any], sender: dict[str, Any]) -> bool:
    """Return whether the shared contact is the sender's own: anybody can share somebody else's."""
    user_id = text_at(contact, "user_id")
    if user_id:
        return user_id == text_at(sender, "id")
    return text_at(contact, "first_name") in ("", text_at(sender, "first_name"))


def message_text(message: dict[str, Any], has_own_phone: bool) -> str:
    """Return what a message says, whatever its type. A command to start says nothing."""
    if "data" in message and "text" not in message:  # a callback_query
        return _button_text(message)
    text = text_at(message, "text") or text_at(message, "caption")
    if _START_COMMAND(text):
        return ""
    contact = "" if has_own_phone else _shared_contact(dict_at(message, "contact"))
    web_app_data = "" if _web_app_answers(message) else text_at(message, "web_app_data", "data")
    return lines_of(text, contact, _place(message), web_app_data) or next(
        (f"({kind})" for kind in MEDIA if message.get(kind)), ""
    )


def _button_text(callback: dict[str, Any]) -> str:
    pressed = text_at(callback, "data")
    rows = list_at(callback, "message", "reply_markup", "inline_keyboard")
    buttons = [button for row in rows for button in list_at(row)]
    return next((text_at(button, "text") for button in buttons if text_at(button, "callback_data") == pressed), pressed)


def _shared_contact(contact: dict[str, Any]) -> str:
    names = (text_at(contact, "first_name"), text_at(contact, "last_name"))
    phone = international_phone(text_at(contact, "phone_number"))
    return ", ".join(filter(None, (" ".join(filter(None, names)), phone)))


def _place(message: dict[str, Any]) -> str:
    venue = dict_at(message, "venue")
    location = dict_at(venue, "location") or dict_at(message, "location")
    return place_text({**venue, **location}, "latitude", "longitude")


def _file_name(message: dict[str, Any]) -> str:
    names = (text_at(message, kind, "file_name") for kind in ("document", "audio", "video", "animation"))
    return next(filter(None, names), "")


PROVIDER = Provider(
    type=TELEGRAM,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"update_id":10000,"message":{"message_id":1365,"date":1774690200,"chat":{"id":1111111,"type":"private",'
        b'"first_name":"Sam","last_name":"Sample"},"from":{"id":1111111,"is_bot":false,"first_name":"Sam","last_name":'
        b'"Sample","username":"sam_sample","language_code":"en"},"contact":{"phone_number":"14155550123","first_name":'
        b'"Sam","last_name":"Sample","user_id":1111111},"web_app_data":{"button_text":"Ask for a price","data":'
        b'"{\\"email\\":\\"sam@example.com\\",\\"budget\\":\\"10000\\"}"}}}'
    ),
)
