"""Standard Webhooks, also under the header names of Svix: one event a request, its `data` read as a person.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (v1 is HMAC-SHA256
with a shared secret `whsec_…`, v1a is ed25519 with the sender's public key `whpk_…`).
"""

import hmac
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.generic_reading import generic_event
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.signature_checks import hmac_base64, require_fresh, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest
from shared.integrations.webhook_keys import decode_webhook_key

STANDARD_WEBHOOKS = IntegrationType(
    "standard_webhooks",
    "Standard Webhooks",
    INBOUND_ONLY,
    (CredentialField("secret", "Signing secret (whsec_…) or public key (whpk_…)", kind="whsec"),),
    "HMAC-SHA256 of id, time and body with the secret, or their ed25519 signature where a public key is set, in "
    "webhook-signature, at most 5 minutes old.",
    "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
)
TOLERANCE_SECONDS = 300  # into the past and into the future
IGNORED_ACTIONS = frozenset(("deleted", "removed", "archived"))  # last words of event types without a person


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of id, time and body, and the time. Raises SignatureRefused."""
    prefix = _header_prefix(request)
    message_id, sent_at, signatures = (require_header(request, f"{prefix}-{part}") for part in _HEADER_PARTS)
    signed = b".".join(
        [message_id.encode(errors="surrogatepass"), sent_at.encode(errors="surrogatepass"), request.body]
    )
    try:
        key = decode_webhook_key(credentials["secret"])
    except ValueError:
        raise SignatureRefused("bad_signature") from None
    is_signed = _is_signed_publicly if key.is_public else _is_signed_by_secret
    sent = list(_signatures(signatures, "v1a" if key.is_public else "v1"))
    if not is_signed(sent, signed, key.data):
        raise SignatureRefused("bad_signature")
    require_fresh(sent_at, request.now, TOLERANCE_SECONDS)


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the person of the event, or each of several. Raises UnreadableBody."""
    document = request.document_object
    type_ = text_at(document, "type")
    if type_.rpartition(".")[2].lower() in IGNORED_ACTIONS:
        return [SourceEvent(kind="ignored", note=type_)]
    message_id = request.headers.get(f"{_header_prefix(request)}-id") or None
    data = document.get("data")
    if isinstance(data, list) and any(isinstance(item, dict) for item in data):
        return [_event_of(item, document, message_id and f"{message_id}:{place}") for place, item in enumerate(data)]
    if not document:
        raise UnreadableBody("The body is an empty object.")
    person = data if isinstance(data, dict) and data else document
    return [replace(_event_of(person, document, message_id), document=document)]


def _event_of(item: Any, document: dict[str, Any], event_id: str | None) -> SourceEvent:
    if not isinstance(item, dict):
        return SourceEvent(kind="ignored", note="an item that is no object")
    event = generic_event(item)
    at = utc_time(document.get("timestamp"))
    attribution = event.attribution if not at or "at" in event.attribution else {**event.attribution, "at": at}
    return replace(event, event_id=event_id or event.event_id, attribution=attribution)


def _header_prefix(request: WebhookRequest) -> str:
    return "svix" if "svix-signature" in request.headers and "webhook-signature" not in request.headers else "webhook"


def _signatures(header: str, version: str) -> Iterator[str]:
    for part in header.split():
        name, _, signature = part.partition(",")
        if name == version:
            yield signature


def _is_signed_by_secret(signatures: list[str], signed: bytes, key: bytes) -> bool:
    expected = hmac_base64(key, signed).encode()
    matches = [hmac.compare_digest(sent.encode(errors="surrogatepass"), expected) for sent in signatures]
    return any(matches)


def _is_signed_publicly(signatures: list[str], signed: bytes, key: bytes) -> bool:
    for signature in signatures:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(b64decode(signature, validate=True), signed)
        except (InvalidSignature, ValueError):  # a signature of another length, or no base64
            continue
        return True
    return False


_HEADER_PARTS = ("id", "timestamp", "signature")


PROVIDER = Provider(
    type=STANDARD_WEBHOOKS,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"type":"contact.created","timestamp":"2026-03-28T09:30:00Z","data":{"fullName":"Sam Sample","email":'
        b'"sam@example.com","phoneNumber":"+14155550123","company":"Sample Ltd","budget":"10,000","utm_source":'
        b'"newsletter","utm_campaign":"spring"}}',
        headers={"webhook-id": "msg_sample"},
    ),
)
