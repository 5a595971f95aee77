"""HubSpot: up to 100 events a request, with nothing of a contact but its id.

Sources: https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide (payload, subscription types),
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation (signatures).
Webhooks come with the signature of version 1 beside that of version 3; the newest that is there counts.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, text_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_fresh, require_header, sha256_hex
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

HUBSPOT = IntegrationType(
    "hubspot",
    "HubSpot",
    INBOUND_ONLY,
    (CredentialField("client_secret", "Client secret"), CredentialField("access_token", "Access token", kind="token")),
    "HMAC-SHA256 of method, address, body and time with the client secret, in X-HubSpot-Signature-v3, at most "
    "5 minutes old. Without that header, SHA-256 of the client secret and the request, in X-HubSpot-Signature.",
    "https://developers.hubspot.com/docs/api/webhooks/validating-requests",
)
TOLERANCE_SECONDS = 300
CONTACT_TYPE_ID = "0-1"  # of objects, in events of the generic kind
CREATIONS = ("contact.creation", "object.creation")
PRIVACY_DELETION = "contact.privacyDeletion"
KINDS_BY_PROPERTY: Mapping[str, ContactKind] = {
    "email": "email",
    "phone": "phone",
    "mobilephone": "phone",
    "firstname": "first_name",
    "lastname": "last_name",
    "company": "company",
    "jobtitle": "job_title",
    "country": "country",
    "message": "notes",
}
# Of a contact, and nothing that the person said. HubSpot's own properties begin with hs_.
UNTOLD_PROPERTIES = frozenset(("createdate", "lastmodifieddate", "hubspot_owner_id"))
CLICK_IDS_BY_PROPERTY = {"hs_google_click_id": "gclid", "hs_facebook_click_id": "fbclid"}
SOURCE_PROPERTIES = ("hs_analytics_first_url", "hs_analytics_first_referrer", *CLICK_IDS_BY_PROPERTY)
# What to ask for when a contact is fetched; HubSpot returns few properties otherwise.
FETCHED_PROPERTIES = (*KINDS_BY_PROPERTY, "createdate", *SOURCE_PROPERTIES)

_MILLISECONDS = re.compile(r"[0-9]{1,17}").fullmatch
_DECODED_IN_ADDRESSES = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the newest signature of the request. Raises SignatureRefused."""
    secret = credentials["client_secret"]
    if request.headers.get("X-HubSpot-Signature-v3"):
        _verify_version_3(request, secret)
        return
    signature = require_header(request, "X-HubSpot-Signature")
    version = str(request.headers.get("X-HubSpot-Signature-Version") or "v1").strip().lower()
    if version not in ("v1", "v2"):
        raise SignatureRefused("bad_signature")
    address = f"{request.method}{request.url}" if version == "v2" else ""
    require_equal(signature, sha256_hex(f"{secret}{address}".encode(errors="surrogatepass") + request.body))


def _verify_version_3(request: WebhookRequest, secret: str) -> None:
    sent_at = require_header(request, "X-HubSpot-Request-Timestamp").strip()
    if not _MILLISECONDS(sent_at):
        raise SignatureRefused("bad_signature")
    address = _DECODED_IN_ADDRESSES.sub(lambda found: chr(int(found[1], 16)), request.url)
    head = f"{request.method}{address}".encode(errors="surrogatepass")
    require_equal(
        request.headers["X-HubSpot-Signature-v3"], hmac_base64(secret, head + request.body + sent_at.encode())
    )
    require_fresh(int(sent_at) / 1000, request.now, TOLERANCE_SECONDS)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterator[SourceEvent]:
    """Return the events of the request: contacts to fetch, and people to forget. Raises UnreadableBody."""
    events = [request.document] if isinstance(request.document, dict) else request.document
    if not isinstance(events, list):
        raise UnreadableBody("The body is no array of events.")
    return (_event_of(event) for event in events)


def lead_event_of(contact: Any) -> SourceEvent:
    """Return the lead of a contact that was fetched from the CRM API, version 3."""
    properties = dict_at(contact, "properties")
    contact_id = text_at(contact, "id") or text_at(properties, "hs_object_id")
    click_ids = {name: text_at(properties, own) for own, name in CLICK_IDS_BY_PROPERTY.items()}
    return SourceEvent(
        lead=read_contact(_contact_fields(properties)),
        attribution=make_attribution(
            {**click_ids, **properties},
            at=utc_time(text_at(contact, "createdAt") or text_at(properties, "createdate")),
            provider_lead_id=contact_id,
            landing_page=text_at(properties, "hs_analytics_first_url"),
            referrer=text_at(properties, "hs_analytics_first_referrer"),
        ),
        external_id=contact_id or None,
        object_id=contact_id or None,
        document=contact,
    )


def _event_of(event: Any) -> SourceEvent:
    type_, object_id = text_at(event, "subscriptionType"), text_at(event, "objectId")
    is_contact = text_at(event, "objectTypeId") in ("", CONTACT_TYPE_ID) or type_.startswith("contact.")
    if not object_id or not is_contact or type_ not in (*CREATIONS, PRIVACY_DELETION):
        return SourceEvent(kind="ignored", note=type_ or "an event without a subscriptionType")
    if type_ == "object.creation" and not text_at(event, "objectTypeId"):
        return SourceEvent(kind="ignored", note="object.creation of an unknown type")
    return SourceEvent(
        kind="deletion" if type_ == PRIVACY_DELETION else "fetch",
        event_id=_event_id(event),
        attribution=make_attribution(at=utc_time(event.get("occurredAt")), provider_lead_id=object_id),
        external_id=object_id,
        account_id=text_at(event, "portalId") or None,
        object_id=object_id,
        document=event,
    )


def _event_id(event: Mapping[str, Any]) -> str | None:
    """Return the key of an event. Event ids of HubSpot alone are not unique; an attempt does not count."""
    parts = [text_at(event, name) for name in ("eventId", "subscriptionId", "portalId")]
    return ":".join(parts) if parts[0] else None


def _contact_fields(properties: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for name in KINDS_BY_PROPERTY:  # the order decides which phone counts
        yield AnsweredField(properties.get(name), key=name, kind=KINDS_BY_PROPERTY[name])
    for name, value in properties.items():
        if name not in KINDS_BY_PROPERTY and name not in UNTOLD_PROPERTIES and not name.startswith("hs_"):
            yield AnsweredField(value, key=name)


PROVIDER = Provider(
    type=HUBSPOT,
    verify=verify,
    read=read,
    is_id_only=True,
    sample=SampleRequest(
        body=b'[{"eventId":100,"subscriptionId":200,"portalId":62515,"appId":300,"occurredAt":1774690200000,'
        b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":101,"changeFlag":"CREATED",'
        b'"changeSource":"FORM"}]'
    ),
)
