"""WPForms: one entry a request, under keys that the administrator chose, as JSON or as a form.

Source: the webhooks add-on for WordPress (class Process) and
https://wpforms.com/docs/how-to-install-and-use-the-webhooks-addon-with-wpforms/. Of a form, the add-on signs the fields
as WordPress encodes them in JSON, and not the bytes that it posts. The id of an entry comes only if the administrator
adds it.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField
from shared.integrations.reading.form_answers import body_object, form_answer, is_json, read_form
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.signature_checks import hmac_hex, require_fresh, require_header, timed_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

WPFORMS = IntegrationType(
    "wpforms",
    "WPForms",
    INBOUND_ONLY,
    (CredentialField("secret", "Webhook secret"),),
    "HMAC-SHA256 of time and body with the secret, in X-WPForms-Webhook-Signature, at most 5 minutes old.",
    "https://wpforms.com/docs/how-to-install-and-use-the-webhooks-addon-with-wpforms/",
)
TOLERANCE = 300  # seconds
SEPARATOR = "||"  # between the values of one field
DETAILS = {  # of the entry and its page, by the smart tag that an administrator sends
    "entry_id": "provider_lead_id",
    "form_id": "form_id",
    "page_url": "page_url",
    "url_referer": "referrer",
    "referrer": "referrer",
}

_NOT_WORDS = re.compile(r"[\W_]+")
_NAMES_ADDRESS = re.compile(r"address|adress|direcci|endere|indirizzo|adres", re.IGNORECASE).search


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of time and fields, and the time. Raises SignatureRefused."""
    parts = timed_header(require_header(request, "X-WPForms-Webhook-Signature"))
    time = parts.get("t", [""])[0]
    signature = parts.get("v", [""])[0].encode(errors="surrogatepass")
    prefix = time.encode(errors="surrogatepass") + b"."
    expected = [hmac_hex(credentials["secret"], prefix + signed).encode() for signed in _signed_texts(request)]
    if not any([hmac.compare_digest(signature, digest) for digest in expected]):  # noqa: C419  # constant time
        raise SignatureRefused("bad_signature")
    require_fresh(time, request.now, TOLERANCE)


def _signed_texts(request: WebhookRequest) -> list[bytes]:
    """Return what may have been signed. A form does not tell whether a number was a number."""
    if is_json(request):
        return [request.body]
    try:
        form = body_object(request)
    except UnreadableBody:
        return [request.body]
    return [_php_json(form), _php_json(_with_unix_numbers(form))]


def _php_json(value: Any) -> bytes:
    """Return JSON as PHP writes it: without spaces, in ASCII, and with escaped slashes."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def _with_unix_numbers(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the times of dates as numbers, which they were before they were posted."""
    numbered = dict(form)
    for key, value in form.items():
        if isinstance(value, dict) and _is_integer(value.get("unix")):
            numbered[key] = {**value, "unix": int(value["unix"])}
    return numbered


def _is_integer(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) is not None


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the entry of the request. Raises UnreadableBody."""
    document = body_object(request)
    details: dict[str, Any] = {}
    for key, value in document.items():
        if (detail := DETAILS.get(_plain_key(key))) and text_at(value):
            details.setdefault(detail, text_at(value))
    lead, attribution = read_form(_answers(document), **details)
    event_id = details.get("provider_lead_id")
    return [SourceEvent(event_id=event_id, lead=lead, attribution=attribution, document=document)]


def _plain_key(key: str) -> str:
    return _NOT_WORDS.sub("_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key)).strip("_").lower()


def _answers(document: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for key, value in document.items():
        if _plain_key(key) not in DETAILS:
            yield form_answer(_answer_value(key, value), label=key)


def _answer_value(key: str, value: Any) -> Any:
    if isinstance(value, dict) and "unix" in value:  # a date
        return text_at(value, "value")
    if not isinstance(value, str) or SEPARATOR not in value:
        return value
    values = [part.strip() for part in value.split(SEPARATOR) if part.strip()]
    return ", ".join(values) if _NAMES_ADDRESS(key) else values


PROVIDER = Provider(
    type=WPFORMS,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"entry_id":"101","name":"Sam Sample","email":"sam@example.com","phone":"+14155550123","interests":'
        b'"Demo||Pricing","date":{"value":"03/30/2026","unix":1774828800},"utm_source":"newsletter"}'
    ),
    methods=("POST", "PUT", "PATCH"),
)
