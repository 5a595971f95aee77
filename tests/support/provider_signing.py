"""Requests signed as each provider signs its own, with the credentials of a test's integration."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.integrations.reading.form_answers import body_object
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, JSON_MEDIA_TYPE, CaseInsensitive, WebhookRequest
from tests.support.lead_apis import SECRET, TOKEN
from tests.support.provider_samples import PINTEREST_KEY

HEADER_SECRET = "a-secret-of-the-header"
GOOGLE_KEY = "made-up-google-key"  # that of the recorded bodies
WHSEC = "whsec_" + base64.b64encode(b"a-key-that-only-the-tests-know!!").decode()
MAIL_KEY = ec.generate_private_key(ec.SECP256R1())
NONCE = b"0123456789ab"


def _public_key() -> str:
    der = MAIL_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


# Of an integration of each type, so that whatever the type can verify is verified.
CREDENTIALS: dict[str, dict[str, str]] = {
    "meta_lead_ads": {"app_secret": SECRET, "verify_token": "verify-me-please", "page_access_token": TOKEN},
    "google_ads": {"google_key": GOOGLE_KEY},
    "linkedin": {"client_secret": SECRET, "access_token": TOKEN},
    "tiktok": {"app_secret": SECRET},
    "snapchat": {"hmac_secret": SECRET},
    "pinterest": {"cryptographic_key": PINTEREST_KEY},
    "whatsapp": {"app_secret": SECRET, "verify_token": "verify-me-please"},
    "telegram": {"secret_token": SECRET},
    "viber": {"auth_token": SECRET},
    "mailgun": {"signing_key": SECRET},
    "sendgrid": {"verification_key": _public_key()},
    "twilio": {"account_sid": "AC00000000000000000000000000000001", "auth_token": SECRET},
    "typeform": {"secret": SECRET},
    "jotform": {},
    "calendly": {"signing_key": SECRET},
    "tally": {"signing_secret": SECRET},
    "webflow": {"signing_secret": SECRET},
    "wpforms": {"secret": SECRET},
    "elementor": {},
    "unbounce": {},
    "netlify": {"jws_secret": SECRET},
    "hubspot": {"client_secret": SECRET, "access_token": TOKEN},
    "intercom": {"client_secret": SECRET},
    "shopify": {"client_secret": SECRET},
    "webhook": {"secret": SECRET},
    "standard_webhooks": {"secret": WHSEC},
    **{name: {"header_secret": HEADER_SECRET} for name in ("gravity_forms", "microsoft_ads", "zapier", "make", "n8n")},
}
# Their proof stands in the body or covers its fields: what is no JSON, form or ciphertext, or has too many fields, has
# none.
PROVEN_IN_BODY = ("google_ads", "mailgun", "pinterest", "twilio")


class SignedRequest(NamedTuple):
    """A request as it is posted. `query` comes after the address of the integration."""

    body: bytes
    headers: dict[str, str]
    query: str = ""


class UnsignedRequest(NamedTuple):
    """What is to be signed. `delivery` is the provider's id of the delivery, where that stands in a header."""

    body: bytes
    media_type: str
    url: str
    delivery: str

    @property
    def at(self) -> str:
        """The seconds since the epoch, as a text."""
        return str(int(time.time()))


def sign_request(type_: str, body: bytes, media_type: str, url: str, delivery: str = "delivery-1") -> SignedRequest:
    """Return a request of the type to that address, as its provider would send it now."""
    unsigned = UnsignedRequest(body, media_type, url, delivery)
    if type_ in _IN_BODY:
        return SignedRequest(_IN_BODY[type_](unsigned), {"Content-Type": media_type})
    if type_ == "twilio":
        return _twilio(unsigned)
    headers = _IN_HEADERS[type_](unsigned) if type_ in _IN_HEADERS else {}
    return SignedRequest(body, {"Content-Type": media_type, **headers})


def _hex(signed: bytes, algorithm: str = "sha256") -> str:
    return hmac.digest(SECRET.encode(), signed, algorithm).hex()


def _base64(signed: bytes, algorithm: str = "sha256", key: bytes = SECRET.encode()) -> str:
    return base64.b64encode(hmac.digest(key, signed, algorithm)).decode()


def _timed(sent: UnsignedRequest, name: str = "v1", signed: bytes | None = None) -> str:
    """Return a time and a signature, as Stripe writes them."""
    body = sent.body if signed is None else signed
    return f"t={sent.at},{name}={_hex(sent.at.encode() + b'.' + body)}"


def _tiktok(sent: UnsignedRequest) -> dict[str, str]:
    text = sent.body.decode(errors="surrogateescape")
    escaped = "".join(one if one < "\x80" or "\udc80" <= one <= "\udcff" else json.dumps(one)[1:-1] for one in text)
    return {"X-Open-Signature": _hex(escaped.encode(errors="surrogateescape"))}


def _snapchat(sent: UnsignedRequest) -> dict[str, str]:
    return {"t": sent.at, "signature": _hex(sent.at.encode() + b"." + sent.body)}


def _sendgrid(sent: UnsignedRequest) -> dict[str, str]:
    signature = MAIL_KEY.sign(sent.at.encode() + sent.body, ec.ECDSA(SHA256()))
    name = "X-Twilio-Email-Event-Webhook"
    return {f"{name}-Signature": base64.b64encode(signature).decode(), f"{name}-Timestamp": sent.at}


def _webflow(sent: UnsignedRequest) -> dict[str, str]:
    at = f"{sent.at}000"
    return {"X-Webflow-Timestamp": at, "X-Webflow-Signature": _hex(at.encode() + b":" + sent.body)}


def _wpforms(sent: UnsignedRequest) -> dict[str, str]:
    """Of a form, the fields are signed as PHP writes them in JSON."""
    signed = sent.body
    if sent.media_type.startswith(FORM_MEDIA_TYPE) and sent.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        form = _parsed_form(sent)
        signed = json.dumps(form, separators=(",", ":")).replace("/", "\\/").encode() if form else sent.body
    return {"X-WPForms-Webhook-Signature": _timed(sent, "v", signed)}


def _parsed_form(sent: UnsignedRequest) -> dict[str, Any]:
    headers = CaseInsensitive({"Content-Type": sent.media_type})
    try:
        return body_object(WebhookRequest("POST", sent.url, headers, sent.body, 0))
    except ValueError:
        return {}


def _netlify(sent: UnsignedRequest) -> dict[str, str]:
    claims = {"iss": "netlify", "sha256": hashlib.sha256(sent.body).hexdigest()}
    head, told = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims)
    )
    digest = hmac.digest(SECRET.encode(), head + b"." + told, "sha256")
    token = b".".join([head, told, base64.urlsafe_b64encode(digest).rstrip(b"=")])
    return {"X-Webhook-Signature": token.decode()}


def _hubspot(sent: UnsignedRequest) -> dict[str, str]:
    at = f"{sent.at}000"
    signature = _base64(f"POST{sent.url}".encode() + sent.body + at.encode())
    return {"X-HubSpot-Request-Timestamp": at, "X-HubSpot-Signature-v3": signature}


def _shopify(sent: UnsignedRequest) -> dict[str, str]:
    headers = {"X-Shopify-Topic": "customers/create", "X-Shopify-Event-Id": sent.delivery}
    return {**headers, "X-Shopify-Hmac-Sha256": _base64(sent.body)}


def _standard(sent: UnsignedRequest) -> dict[str, str]:
    signed = f"{sent.delivery}.{sent.at}.".encode() + sent.body
    signature = _base64(signed, key=base64.b64decode(WHSEC.removeprefix("whsec_")))
    return {"webhook-id": sent.delivery, "webhook-timestamp": sent.at, "webhook-signature": f"v1,{signature}"}


def _meta(sent: UnsignedRequest) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={_hex(sent.body)}"}


def _header_secret(_sent: UnsignedRequest) -> dict[str, str]:
    return {"X-LeadHub-Secret": HEADER_SECRET}


_IN_HEADERS: dict[str, Callable[[UnsignedRequest], dict[str, str]]] = {
    "meta_lead_ads": _meta,
    "whatsapp": _meta,
    "linkedin": lambda sent: {"X-LI-Signature": _hex(b"hmacsha256=" + sent.body)},
    "tiktok": _tiktok,
    "snapchat": _snapchat,
    "telegram": lambda _: {"X-Telegram-Bot-Api-Secret-Token": SECRET},
    "viber": lambda sent: {"X-Viber-Content-Signature": _hex(sent.body)},
    "sendgrid": _sendgrid,
    "typeform": lambda sent: {"Typeform-Signature": f"sha256={_base64(sent.body)}"},
    "calendly": lambda sent: {"Calendly-Webhook-Signature": _timed(sent)},
    "tally": lambda sent: {"Tally-Signature": _base64(sent.body)},
    "webflow": _webflow,
    "wpforms": _wpforms,
    "netlify": _netlify,
    "hubspot": _hubspot,
    "intercom": lambda sent: {"X-Hub-Signature": f"sha1={_hex(sent.body, 'sha1')}"},
    "shopify": _shopify,
    "webhook": lambda sent: {"X-Webhook-Signature": _timed(sent)},
    "standard_webhooks": _standard,
    **dict.fromkeys(("gravity_forms", "microsoft_ads", "zapier", "make", "n8n"), _header_secret),
}


def _google(sent: UnsignedRequest) -> bytes:
    """Return the body with the key in it, if it is an object."""
    document = _json_of(sent.body)
    if not isinstance(document, dict) or GOOGLE_KEY in (document.get("google_key"), document.get("Google_key")):
        return sent.body
    kept = {name: value for name, value in document.items() if name.lower() != "google_key"}
    return json.dumps({**kept, "google_key": GOOGLE_KEY}).encode()


def _mailgun(sent: UnsignedRequest) -> bytes:
    """Return the body with a signature in it, if it is an object or a form. The token is that of the mail."""
    token = hashlib.sha256(sent.body).hexdigest()
    proof = {"timestamp": sent.at, "token": token, "signature": _hex(f"{sent.at}{token}".encode())}
    if sent.media_type == FORM_MEDIA_TYPE:
        parts = [part for part in sent.body.split(b"&") if part.partition(b"=")[0].decode("latin-1") not in proof]
        return b"&".join([*parts, urlencode(proof).encode()])
    document = _json_of(sent.body)
    return json.dumps({**document, "signature": proof}).encode() if isinstance(document, dict) else sent.body


def _pinterest(sent: UnsignedRequest) -> bytes:
    return NONCE + AESGCM(base64.b64decode(PINTEREST_KEY)).encrypt(NONCE, sent.body, None)


_IN_BODY: dict[str, Callable[[UnsignedRequest], bytes]] = {
    "google_ads": _google,
    "mailgun": _mailgun,
    "pinterest": _pinterest,
}


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _twilio(sent: UnsignedRequest) -> SignedRequest:
    """Of a form, the parameters are signed; of any other body, its digest in the address."""
    if sent.media_type == JSON_MEDIA_TYPE:
        query = f"?bodySHA256={hashlib.sha256(sent.body).hexdigest()}"
        signed = f"{sent.url}{query}"
    else:
        query = ""
        pairs = set(parse_qsl(sent.body.decode(errors="replace"), keep_blank_values=True, errors="replace"))
        signed = sent.url + "".join(f"{name}{value}" for name, value in sorted(pairs))
    headers = {"Content-Type": sent.media_type, "X-Twilio-Signature": _base64(signed.encode(), "sha1")}
    return SignedRequest(sent.body, headers, query)
