"""Twilio: a message by SMS, WhatsApp or RCS a request, as a form; or events of a sink, as JSON.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request (parameters),
https://www.twilio.com/docs/usage/webhooks/webhooks-security (signature) and
https://www.twilio.com/docs/events/event-types/messaging/inbound-message (events).
"""

import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.integration_type import BOTH_WAYS, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.chat_reading import custom_fields, lines_of, place_text
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.untrusted_json import dict_at, text_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_header, sha256_hex
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)

TWILIO = IntegrationType(
    "twilio",
    "Twilio SMS",
    BOTH_WAYS,
    (
        CredentialField("account_sid", "Account SID", secret=False),
        CredentialField("auth_token", "Auth token", kind="token"),
        CredentialField("from", "Sender's number or messaging service SID", required=False, secret=False),
    ),
    "HMAC-SHA1 of the address and the parameters with the auth token, in X-Twilio-Signature.",
    "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
)
DEFAULT_PORTS = {"https": 443, "http": 80}
RECEIVED_EVENT = "com.twilio.messaging.inbound-message.received"
CONSENT_OF_OPT_OUT = {"STOP": False, "START": True}
EMPTY_TWIML = WebhookAnswer(200, b"<Response></Response>", "text/xml")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the address and the parameters. Raises SignatureRefused."""
    header = require_header(request, "X-Twilio-Signature").encode(errors="replace")
    parameters = ""
    if "bodySHA256" in request.query:
        require_equal(request.query["bodySHA256"].lower(), sha256_hex(request.body))
    else:
        parameters = _signed_parameters(request)
    signatures = [
        hmac_base64(credentials["auth_token"], f"{url}{parameters}".encode(errors="surrogatepass"), "sha1")
        for url in _signed_urls(request.url)
    ]
    if not any(hmac.compare_digest(header, signature.encode()) for signature in signatures):
        raise SignatureRefused("bad_signature")


def _signed_parameters(request: WebhookRequest) -> str:
    try:
        return "".join(f"{name}{value}" for name, value in sorted(set(request.sent_pairs)))
    except UnreadableBody:
        raise SignatureRefused("bad_signature") from None


def _signed_urls(url: str) -> list[str]:
    """Return the address without and with its port: Twilio signs one or the other."""
    try:
        parts = urlsplit(url)
        port, host = parts.port or DEFAULT_PORTS.get(parts.scheme), parts.netloc.rsplit("@", 1)[-1]
    except ValueError:
        return [url]
    login = parts.netloc[: len(parts.netloc) - len(host)]
    bare_host = host.rsplit(":", 1)[0] if parts.port else host
    hosts = (host, bare_host, f"{bare_host}:{port}")
    return [urlunsplit(parts._replace(netloc=f"{login}{name}")) for name in hosts]


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the messages of the request. Raises UnreadableBody."""
    if request.media_type == JSON_MEDIA_TYPE:
        return [_json_event(item) for item in _json_items(request.document)]
    if not request.fields:
        raise UnreadableBody("The body is no form.")
    return [_message_event(request.fields, request.fields)]


def _json_items(document: Any) -> list[Any]:
    items = document if isinstance(document, list) else [document]
    if not any(dict_at(item, "data") or _message_id(item) for item in items):
        raise UnreadableBody("The body has no event of Twilio.")
    return items


def _json_event(item: Any) -> SourceEvent:
    type_ = text_at(item, "type")
    if type_ and type_ != RECEIVED_EVENT:
        return SourceEvent(kind="ignored", event_id=text_at(item, "id") or None, note=type_[:100])
    message = dict_at(item, "data") or dict_at(item)
    # Events name the parameters of the form in camelCase.
    return _message_event({f"{name[:1].upper()}{name[1:]}": value for name, value in message.items()}, item)


def _message_id(message: Any) -> str:
    return next(filter(None, (text_at(message, name) for name in ("MessageSid", "SmsMessageSid", "SmsSid"))), "")


def _message_event(message: Any, document: Any) -> SourceEvent:
    sid, sender = _message_id(message), text_at(message, "From")
    status = text_at(message, "MessageStatus") or text_at(message, "SmsStatus") or "received"
    if status not in ("received", "receiving") or not sender:
        return SourceEvent(
            kind="ignored", event_id=sid or None, note=f"status {status}"[:100] if sender else "no sender"
        )
    if not sid:
        return SourceEvent(kind="ignored", note="call" if text_at(message, "CallSid") else "no message")
    number = sender.rpartition(":")[2]  # of a sender such as whatsapp:+14155550123
    return SourceEvent(
        event_id=sid,
        lead=read_contact(_lead_fields(message, number)),
        attribution=_attribution(message),
        external_id=None if number.startswith("+") else sender,
        document=document,
    )


def _lead_fields(message: Any, number: str) -> Iterator[AnsweredField]:
    yield AnsweredField(number if number.startswith("+") else "", label="Phone", kind="phone")
    yield AnsweredField(text_at(message, "ProfileName"), label="Name", kind="full_name")
    yield AnsweredField(text_at(message, "FromCountry"), label="Country", kind="country")
    place = {"name": text_at(message, "Label"), "address": text_at(message, "Address")}
    coordinates = {name: text_at(message, name) for name in ("Latitude", "Longitude")}
    body = text_at(message, "Body") or text_at(message, "ButtonText")
    text = lines_of(body, place_text({**place, **coordinates}, "Latitude", "Longitude"))
    yield AnsweredField(text, label="Message", kind="notes")
    media = [text_at(message, f"MediaUrl{position}") for position in range(10)]  # ten at most
    yield AnsweredField(", ".join(filter(None, media)), label="Attachments", kind="custom")
    labels = {"FromCity": "City", "FromState": "State", "FromZip": "Zip", "ReferralHeadline": "Ad headline"}
    yield from custom_fields(message, labels)


def _attribution(message: Any) -> Attribution:
    click_id, opt_out = text_at(message, "ReferralCtwaClid"), text_at(message, "OptOutType").upper()
    source_id, source_url = text_at(message, "ReferralSourceId"), text_at(message, "ReferralSourceUrl")
    return make_attribution(
        at=text_at(message, "Timestamp"),
        platform="meta" if click_id or source_id else "",
        ad_id=source_id if text_at(message, "ReferralSourceType") != "post" else "",
        referrer=source_url,
        click_ids={"ctwa_clid": click_id} if click_id else {},
        consent={"messages": CONSENT_OF_OPT_OUT[opt_out]} if opt_out in CONSENT_OF_OPT_OUT else {},
    )


PROVIDER = Provider(
    type=TWILIO,
    verify=verify,
    read=read,
    answer=EMPTY_TWIML,
    sample=SampleRequest(
        body=b"MessageSid=SM00000000000000000000000000000000&AccountSid=AC00000000000000000000000000000000"
        b"&From=whatsapp%3A%2B14155550123&To=whatsapp%3A%2B14155550100&ProfileName=Sam+Sample&SmsStatus=received"
        b"&Body=Please+write+to+sam%40example.com&FromCountry=US&FromCity=SAN+FRANCISCO&NumMedia=0"
        b"&ReferralSourceType=ad&ReferralSourceId=120200000000000001&ReferralCtwaClid=sample-click",
        media_type=FORM_MEDIA_TYPE,
    ),
)
