"""SendGrid Inbound Parse: one mail a request, as a multipart form, in parts or as raw MIME.

Source: https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/inbound-email (form, retries) and
…/parsing-email/securing-your-parse-webhooks (signature, as that of the Event Webhook).
"""

import binascii
import email
import email.policy
from base64 import b64decode
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.chat_reading import json_answers
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.inbound_mail import (
    InboundMail,
    body_text,
    decoded_header,
    decoded_text,
    mail_event,
    parse_headers,
    read_mime,
)
from shared.integrations.reading.untrusted_json import dict_at, text_at, value_at
from shared.integrations.signature_checks import require_fresh, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    MULTIPART_MEDIA_TYPE,
    Credentials,
    FilePart,
    SignatureRefused,
    UnreadableBody,
    WebhookRequest,
    storable_text,
)

SENDGRID = IntegrationType(
    "sendgrid",
    "SendGrid Inbound Parse",
    INBOUND_ONLY,
    (CredentialField("verification_key", "Public verification key", required=False, secret=False),),
    "Where verification_key is set, an ECDSA signature of time and body in X-Twilio-Email-Event-Webhook-Signature; "
    "else the address itself is the secret.",
    "https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook",
)
SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
# SendGrid repeats a failed request for three days. The signature covers the body, so a replay is only a duplicate.
TOLERANCE_SECONDS = (3 * 24 + 1) * 3600
MAIL_FIELDS = ("email", "headers", "from", "text", "html", "subject", "envelope")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of time and body, where a key is set. Raises SignatureRefused."""
    key_text = (credentials.get("verification_key") or "").strip()
    if not key_text:
        return
    signature = require_header(request, SIGNATURE_HEADER)
    timestamp = require_header(request, TIMESTAMP_HEADER)
    try:
        signed = timestamp.encode() + request.body
        _public_key(key_text).verify(b64decode(signature, validate=True), signed, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError, TypeError):
        raise SignatureRefused("bad_signature") from None
    require_fresh(timestamp, request.now, TOLERANCE_SECONDS)


def _public_key(text: str) -> EllipticCurvePublicKey:
    """Return the key from PEM, or from the base64 that SendGrid shows. Raises ValueError and the like."""
    if "BEGIN" in text:
        key = load_pem_public_key(text.replace("\\n", "\n").encode())
    else:
        key = load_der_public_key(b64decode("".join(text.split()), validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("not a key for ECDSA")
    return key


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the mail of the request. Raises UnreadableBody."""
    raw = _raw_fields(request)
    fields = _decoded_fields(raw)
    if not any(fields.get(name) for name in MAIL_FIELDS):
        raise UnreadableBody("The form is no mail.")
    sender = value_at(json_answers(fields.get("envelope", "")), "from")
    envelope_sender = sender if isinstance(sender, str) else None
    received_at = utc_time(request.headers.get(TIMESTAMP_HEADER, ""))
    if fields.get("email"):
        mime = read_mime(raw["email"])
        mail = InboundMail(
            sender=mime.sender or fields.get("from", ""),
            headers=mime.headers,
            envelope_sender=envelope_sender,
            subject=mime.subject or fields.get("subject", ""),
            text=mime.text,
            attachments=mime.attachments,
            received_at=received_at,
        )
    else:
        headers = parse_headers(fields.get("headers", ""))
        mail = InboundMail(
            sender=fields.get("from") or headers.get("From", ""),
            headers=headers,
            envelope_sender=envelope_sender,
            subject=decoded_header(fields.get("subject") or headers.get("Subject", "")),
            text=body_text(fields.get("text", ""), fields.get("html", "")),
            attachments=_attachment_names(request, fields),
            received_at=received_at,
        )
    return [mail_event(mail, fields)]


def _raw_fields(request: WebhookRequest) -> dict[str, bytes]:
    """Return the fields as they came: each has a charset of its own, which only the field `charsets` tells."""
    if request.media_type != MULTIPART_MEDIA_TYPE:
        return {name: value.encode(errors="replace") for name, value in request.fields.items()}
    names = {name for name, value in request.multipart_pairs if isinstance(value, str)}  # checks the form
    head = f"Content-Type: {request.headers.get('Content-Type')}\r\n\r\n".encode(errors="replace")
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    fields: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and storable_text(name) in names and isinstance(payload, bytes):
            fields[storable_text(name)] = payload
    return fields


def _decoded_fields(raw: dict[str, bytes]) -> dict[str, str]:
    charsets = json_answers(raw.get("charsets", b"").decode(errors="replace"))
    return {name: storable_text(decoded_text(content, text_at(charsets, name))) for name, content in raw.items()}


def _attachment_names(request: WebhookRequest, fields: dict[str, str]) -> list[str]:
    pairs = request.multipart_pairs if request.media_type == MULTIPART_MEDIA_TYPE else []
    names = [decoded_header(value.name) for _, value in pairs if isinstance(value, FilePart) and value.name]
    described: dict[str, Any] = json_answers(fields.get("attachment-info", ""))
    return names or list(filter(None, (text_at(dict_at(described, key), "filename") for key in described)))


PROVIDER = Provider(
    type=SENDGRID,
    verify=verify,
    read=read,
    receives_mail=True,
    sample=SampleRequest(
        body="\r\n".join(
            line
            for name, value in (
                ("headers", "From: Sam Sample <sam@example.com>\nMessage-ID: <sample@mail.example.com>\n"),
                ("from", "Sam Sample <sam@example.com>"),
                ("to", "sales@inbound.example.com"),
                ("subject", "Price for a solar roof"),
                ("text", "Please call me at +1 415 555 0123.\n\n-- \nSam Sample\n"),
                ("envelope", '{"to":["sales@inbound.example.com"],"from":"sam@example.com"}'),
                ("charsets", '{"to":"UTF-8","subject":"UTF-8","from":"UTF-8","text":"UTF-8"}'),
            )
            for line in ("--sample", f'Content-Disposition: form-data; name="{name}"', "", value)
        ).encode()
        + b"\r\n--sample--\r\n",
        media_type=f"{MULTIPART_MEDIA_TYPE}; boundary=sample",
    ),
)
