"""TikTok lead generation: one or more leads a request, with their answers.

Source: https://business-api.tiktok.com/portal/docs (subscription to leads: payload, signature). Other events of an app
come to the same address. https://developers.tiktok.com/doc/webhooks-verification signs in another way; its events are
no leads.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import list_at, text_at, value_at
from shared.integrations.signature_checks import (
    hmac_hex,
    require_equal,
    require_fresh,
    require_header,
    timed_header,
)
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

TIKTOK = IntegrationType(
    "tiktok",
    "TikTok lead generation",
    INBOUND_ONLY,
    (CredentialField("app_secret", "App secret"),),
    "HMAC-SHA256 of the body, with non-ASCII characters escaped, with the app secret, in X-Open-Signature.",
    "https://business-api.tiktok.com/portal/docs",
)
LEAD_OBJECT = "1"
TOLERANCE = 300  # seconds; only the developers' platform signs a time
KINDS_BY_FIELD: Mapping[str, ContactKind] = {
    "email": "email",
    "work_email": "email",
    "phone": "phone",
    "phone_number": "phone",
    "work_phone_number": "phone",
    "name": "full_name",
    "full_name": "full_name",
    "first_name": "first_name",
    "last_name": "last_name",
    "company_name": "company",
    "job_title": "job_title",
    "country": "country",
}
_NOT_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")  # without the bytes that are no UTF-8, which stay as they are


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    secret = credentials["app_secret"]
    if "X-Open-Signature" not in request.headers and "TikTok-Signature" in request.headers:
        _verify_developers_platform(request, secret)
        return
    sent = require_header(request, "X-Open-Signature")
    require_equal(sent.strip().lower(), hmac_hex(secret, escape_non_ascii(request.body)))


def _verify_developers_platform(request: WebhookRequest, secret: str) -> None:
    parts = timed_header(require_header(request, "TikTok-Signature"))
    sent_at, sent = parts.get("t", [""])[0], parts.get("s", [""])[0]
    signed = sent_at.encode(errors="surrogatepass") + b"." + request.body
    require_equal(sent, hmac_hex(secret, signed))
    require_fresh(sent_at, request.now, TOLERANCE)


def escape_non_ascii(body: bytes) -> bytes:
    r"""Return the bytes that TikTok signs: each character beyond ASCII as `\u` and four lower-case digits."""
    text = body.decode(errors="surrogateescape")
    return _NOT_ASCII.sub(_escaped, text).encode("ascii", errors="surrogateescape")


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[start : start + 2].hex()}" for start in range(0, len(units), 2))


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return an event for each entry of the request. Raises UnreadableBody."""
    document = request.document_object
    kind = text_at(document, "object")
    if kind != LEAD_OBJECT:
        if not kind and not text_at(document, "event"):
            raise UnreadableBody("The body names no object.")
        return [SourceEvent(kind="ignored", note=f"object {kind or text_at(document, 'event')}"[:100])]
    if not isinstance(document.get("entry"), list):
        raise UnreadableBody("The body has no list of entries.")
    keyed = ((entry, f"{request.body_digest}:{position}") for position, entry in enumerate(document["entry"]))
    return (_event_of(entry, document, fallback_key) for entry, fallback_key in keyed)


def _event_of(entry: Any, document: Mapping[str, Any], fallback_key: str) -> SourceEvent:
    if not isinstance(entry, dict):
        return SourceEvent(kind="ignored", note="an entry that is no object")
    answers = list(_answers(entry))
    lead_id = text_at(entry, "id")
    return SourceEvent(
        event_id=lead_id or fallback_key,
        account_id=text_at(entry, "advertiser_id") or text_at(entry, "library_id") or None,
        lead=read_contact(answers),
        attribution=make_attribution(
            {answer.label: answer.value for answer in answers},
            at=utc_time(entry.get("create_time")) or utc_time(document.get("time")),
            platform="tiktok",
            provider_lead_id=lead_id,
            form_id=text_at(entry, "page_id"),
            ad_id=text_at(entry, "ad_id"),
            adset_id=text_at(entry, "adgroup_id"),
            campaign_id=text_at(entry, "campaign_id"),
            campaign_name=text_at(entry, "campaign_name"),
        ),
        document=entry,
    )


def _answers(entry: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for change in list_at(entry, "changes"):
        name = text_at(change, "field")
        kind = KINDS_BY_FIELD.get(name.lower().replace(" ", "_"))
        yield AnsweredField(value_at(change, "value"), label=name, kind=kind)


PROVIDER = Provider(
    type=TIKTOK,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"object":1,"time":1774688400,"request_id":"sample-request","entry":[{"id":7300000000000000001,'
        b'"lead_source":"INSTANT_FORM","page_id":7300000000000000002,"advertiser_id":7300000000000000003,'
        b'"campaign_id":1790000000000001,"adgroup_id":1790000000000002,"ad_id":1790000000000003,'
        b'"create_time":1774688400,"changes":[{"field":"name","value":"Sam Sample"},'
        b'{"field":"email","value":"sam@example.com"},{"field":"phone_number","value":"+14155550123"},'
        b'{"field":"Which service do you need?","value":"Solar panels"},{"field":"utm_source","value":"tiktok"}]}]}'
    ),
)
