"""Snapchat lead generation: one lead a request, as a flat object.

Source: https://developers.snap.com/api/marketing-api/Ads-API/lead-generation-ads (payload, secret). That page does not
say how the secret signs. The headers `signature` and `t` are those of deliveries that others observed. Snapchat sends a
refused lead again with its old time, so the time is not limited; a lead that comes twice is one by its id.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import (
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    LEADHUB_HEADER,
    CredentialField,
    IntegrationType,
)
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.generic_reading import verify_by_header_secret
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

SNAPCHAT = IntegrationType(
    "snapchat",
    "Snapchat lead generation",
    INBOUND_ONLY,
    (CredentialField("hmac_secret", "hmacSecret of the webhook integration", required=False), HEADER_SECRET_FIELD),
    "Where hmac_secret is set, HMAC-SHA256 of the header t, a full stop and the body with it, in the header signature. "
    f"Else, where header_secret is set, the header {LEADHUB_HEADER} must have that value.",
    "https://developers.snap.com/api/marketing-api/Ads-API/lead-generation-ads",
)
KINDS_BY_FIELD: Mapping[str, ContactKind] = {
    "email": "email",
    "phone_number": "phone",
    "first_name": "first_name",
    "last_name": "last_name",
    "full_name": "full_name",
    "company_name": "company",
    "job_title": "job_title",
    "country": "country",
}
FIELDS_OF_THE_AD = frozenset(
    "form_id form_name ad_account_id campaign_id campaign_name ad_id ad_name ad_squad_id ad_squad_name lead_id "
    "create_time".split()
)
CONSENT_PREFIX = "consent_"
CONSENT_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# What "test" of a webhook integration sends, whatever the form asks.
TEST_EMAIL = "johndoe@snapchat.com"
TEST_CAMPAIGN = "Snap Test Campaign Name"


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature, or the header with the secret, as far as they are set. Raises SignatureRefused."""
    if secret := credentials.get("hmac_secret"):
        sent = require_header(request, "signature").strip().lower().removeprefix("sha256=")
        sent_at = require_header(request, "t").strip().encode(errors="surrogatepass")
        require_equal(sent, hmac_hex(secret, sent_at + b"." + request.body))
    else:
        verify_by_header_secret(request, credentials)


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the lead of the request. Raises UnreadableBody."""
    document = request.document_object
    lead_id = text_at(document, "lead_id")
    if not lead_id and not text_at(document, "form_id"):
        raise UnreadableBody("The body has neither a lead_id nor a form_id.")
    consents = _consents(document)
    return [
        SourceEvent(
            event_id=lead_id or None,
            account_id=text_at(document, "ad_account_id") or None,
            lead=read_contact(_answers(document, consents)),
            attribution=make_attribution(
                document,
                at=utc_time(document.get("create_time")),
                platform="snapchat",
                provider_lead_id=lead_id,
                form_id=text_at(document, "form_id"),
                ad_id=text_at(document, "ad_id"),
                adset_id=text_at(document, "ad_squad_id"),
                campaign_id=text_at(document, "campaign_id"),
                campaign_name=text_at(document, "campaign_name"),
                consent=consents,
            ),
            is_test=_is_test(document),
            document=document,
        )
    ]


def _consents(document: Mapping[str, Any]) -> dict[str, bool]:
    """Return the consents that are clearly given or refused; others stay custom fields."""
    return {
        name: CONSENT_WORDS[str(value).strip().lower()]
        for name, value in document.items()
        if name.startswith(CONSENT_PREFIX) and str(value).strip().lower() in CONSENT_WORDS
    }


def _answers(document: Mapping[str, Any], consents: Mapping[str, bool]) -> Iterator[AnsweredField]:
    for name, value in document.items():
        if name not in FIELDS_OF_THE_AD and name not in consents:
            yield AnsweredField(value, key=name, kind=KINDS_BY_FIELD.get(name))


def _is_test(document: Mapping[str, Any]) -> bool:
    email = text_at(document, "email").lower()
    return email.endswith(TEST_EMAIL) or text_at(document, "campaign_name") == TEST_CAMPAIGN


PROVIDER = Provider(
    type=SNAPCHAT,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"form_id":"sample-form","form_name":"Spring form","ad_account_id":"sample-account",'
        b'"campaign_id":"sample-campaign","campaign_name":"Spring 2026","ad_id":"sample-ad","ad_name":"Video",'
        b'"ad_squad_id":"sample-squad","ad_squad_name":"Homeowners","lead_id":"sample-lead",'
        b'"create_time":"1774688400000","first_name":"Sam","last_name":"Sample","email":"sam@example.com",'
        b'"phone_number":"+14155550123","custom_field_1":"Solar panels","consent_1":"true","utm_source":"snapchat"}'
    ),
)
