"""Webhooks of any sender: JSON or a form under names of the sender's, signed by an HMAC in one of the usual spellings.

Source of the spellings: what GitHub (`sha256=` and hex), Shopify (base64), Stripe (`t=…,v1=…`) and their like document.
"""

import hmac
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.generic_reading import read_generic
from shared.integrations.signature_checks import require_fresh, require_header, timed_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, WebhookRequest

SIGNATURE_HEADER = "X-Webhook-Signature"
TOLERANCE_SECONDS = 300  # for signatures with a time
# What may stand before a signature. SHA-1 and MD5 are too weak to be taken from an unknown sender.
ALGORITHMS = {"": "sha256", "v1": "sha256", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}

WEBHOOK = IntegrationType(
    "webhook",
    "Webhook",
    INBOUND_ONLY,
    (
        CredentialField("secret", "Signing secret", required=False),
        CredentialField(
            "signature_header",
            f"Header with the signature; {SIGNATURE_HEADER} unless set",
            required=False,
            secret=False,
            kind="header",
        ),
    ),
    "Where a secret is set, HMAC-SHA256 of the body in hex or base64, with or without sha256= before it, in the header "
    "that signature_header names. With a time, as in t=…,v1=…, it covers the time, a full stop and the body, and is at "
    "most 5 minutes old.",
    "https://www.rfc-editor.org/rfc/rfc2104",
)

_PREFIXED = re.compile(r"(?:hmac-)?(sha-?\d+|md5|v\d+)=(.+)", re.IGNORECASE).fullmatch
_TIMED = re.compile(r"\s*t=|.*,\s*t=").match


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body, if a secret is set. Raises SignatureRefused."""
    secret = credentials.get("secret")
    if not secret:
        return
    header = require_header(request, credentials.get("signature_header") or SIGNATURE_HEADER).strip()
    if _TIMED(header):
        _verify_timed(request, header, secret)
        return
    match = _PREFIXED(header)
    prefix, sent = (match[1].lower().replace("-", ""), match[2].strip()) if match else ("", header)
    if prefix not in ALGORITHMS or not is_signature(sent, secret, request.body, ALGORITHMS[prefix]):
        raise SignatureRefused("bad_signature")


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return the leads of the request. Raises UnreadableBody."""
    return read_generic(request)


def is_signature(signature: str, secret: str, signed: bytes, algorithm: str = "sha256") -> bool:
    """Return whether a text is the HMAC of the bytes: in hex, or in base64 of either alphabet, padded or not."""
    digest = hmac.new(secret.encode(errors="surrogatepass"), signed, algorithm).digest()
    padded = [b64encode(digest), urlsafe_b64encode(digest)]
    spellings = [*padded, *(text.rstrip(b"=") for text in padded)]
    given = signature.encode(errors="surrogatepass")
    matches = [hmac.compare_digest(given, spelling) for spelling in spellings]  # all of them, in constant time
    return hmac.compare_digest(given.lower(), digest.hex().encode()) or any(matches)


def _verify_timed(request: WebhookRequest, header: str, secret: str) -> None:
    parts = timed_header(header)
    sent_at = parts.get("t", [""])[0]
    signed = sent_at.encode(errors="surrogatepass") + b"." + request.body
    if not any(is_signature(sent, secret, signed) for sent in parts.get("v1", [])):
        raise SignatureRefused("bad_signature")
    require_fresh(sent_at, request.now, TOLERANCE_SECONDS)


PROVIDER = Provider(
    type=WEBHOOK,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"event_id":"sample-1","contact":{"full_name":"Sam Sample","email":"sam@example.com","phone":'
        b'"+14155550123","company":{"name":"Sample Ltd"}},"message":"Please call me.","budget":"10,000",'
        b'"page_url":"https://www.example.com/contact?utm_source=newsletter&utm_campaign=spring"}'
    ),
)
