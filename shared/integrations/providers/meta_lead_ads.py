"""Meta Lead Ads (Facebook, Instagram): ids of new leads in the request; the leads themselves from the Graph API.

Sources: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving (payload, lead, disclaimers),
https://developers.facebook.com/docs/graph-api/webhooks/getting-started (handshake, signature).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, is_true_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)

META_LEAD_ADS = IntegrationType(
    "meta_lead_ads",
    "Meta Lead Ads (Facebook, Instagram)",
    INBOUND_ONLY,
    (
        CredentialField("app_secret", "App secret"),
        CredentialField("verify_token", "Verify token"),
        CredentialField("page_access_token", "Page access token", kind="token"),
    ),
    "HMAC-SHA256 of the body with the app secret, in X-Hub-Signature-256; the handshake by the verify token.",
    "https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving",
)
# The names of Meta's own questions. An advertiser's question is named after its wording.
KINDS_BY_QUESTION: Mapping[str, ContactKind] = {
    "email": "email",
    "work_email": "email",
    "phone": "phone",
    "phone_number": "phone",
    "work_phone_number": "phone",
    "full_name": "full_name",
    "first_name": "first_name",
    "last_name": "last_name",
    "company_name": "company",
    "job_title": "job_title",
    "country": "country",
}
PLATFORMS = {"fb": "facebook", "ig": "instagram"}
DASHBOARD_TEST_ID = "444444444444"  # the button "Test" of the app's dashboard sends it; there is no such lead
TEST_EMAILS = ("test@fb.com", "test@meta.com")
_TEST_ANSWER = re.compile(r"\s*<?\s*test lead: dummy data", re.IGNORECASE).match


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-Hub-Signature-256")
    require_equal(sent, f"sha256={hmac_hex(credentials['app_secret'], request.body)}")


def answer_handshake(request: WebhookRequest, credentials: Credentials) -> WebhookAnswer:
    """Return the challenge. Raises SignatureRefused for a wrong verify token."""
    if request.query.get("hub.mode") != "subscribe":
        raise SignatureRefused("wrong_token")
    require_equal(request.query.get("hub.verify_token"), credentials["verify_token"], "wrong_token")
    return WebhookAnswer(body=request.query.get("hub.challenge", "").encode())


def read(request: WebhookRequest, _credentials: Credentials) -> Iterator[SourceEvent]:
    """Return an event for each change of the request. Raises UnreadableBody."""
    document = request.document_object
    entries = document.get("entry")
    if not isinstance(entries, list):
        raise UnreadableBody("The body has no list of entries.")
    return (event for entry in entries for event in _events_of_entry(entry))


def _events_of_entry(entry: Any) -> Iterator[SourceEvent]:
    changes = list_at(entry, "changes")
    if not changes:
        yield SourceEvent(kind="ignored", note="an entry without changes")
    for change in changes:
        value = dict_at(change, "value")
        lead_id = text_at(value, "leadgen_id")
        if text_at(change, "field") != "leadgen" or not lead_id:
            yield SourceEvent(kind="ignored", note=f"change of {text_at(change, 'field')[:50] or 'nothing'}")
            continue
        yield SourceEvent(
            kind="fetch",
            event_id=lead_id,
            object_id=lead_id,
            account_id=text_at(value, "page_id") or text_at(entry, "id") or None,
            attribution=_attribution_of_notice(value),
            is_test=lead_id == DASHBOARD_TEST_ID,
            document=value,
        )


def _attribution_of_notice(value: Mapping[str, Any]) -> Attribution:
    return make_attribution(
        at=utc_time(value.get("created_time")),
        platform="meta",
        provider_lead_id=text_at(value, "leadgen_id"),
        form_id=text_at(value, "form_id"),
        ad_id=text_at(value, "ad_id") or text_at(value, "adgroup_id"),  # an ad's former name
    )


def lead_event_of(document: Any, page_id: str | None = None) -> SourceEvent:
    """Return the event of a lead that the Graph API returned. It has the key of the notice of that lead."""
    answers = list(_answers(document))
    lead_id = text_at(document, "id") or None
    return SourceEvent(
        event_id=lead_id,
        object_id=lead_id,
        account_id=page_id,
        lead=read_contact(answers),
        attribution=_attribution_of_lead(document, answers),
        is_test=any(_is_test_answer(answer.value) for answer in answers),
        document=document,
    )


def _answers(document: Any) -> Iterator[AnsweredField]:
    for field in list_at(document, "field_data"):
        name, values = text_at(field, "name"), value_at(field, "values")
        if isinstance(values, list) and len(values) == 1:
            values = values[0]
        yield AnsweredField(values, label=name, kind=KINDS_BY_QUESTION.get(name.lower()))


def _attribution_of_lead(document: Any, answers: list[AnsweredField]) -> Attribution:
    platform = text_at(document, "platform").lower()
    return make_attribution(
        {answer.label: answer.value for answer in answers},
        at=utc_time(value_at(document, "created_time")),
        platform=PLATFORMS.get(platform, platform) or "meta",
        provider_lead_id=text_at(document, "id"),
        form_id=text_at(document, "form_id"),
        ad_id=text_at(document, "ad_id"),
        adset_id=text_at(document, "adset_id"),
        campaign_id=text_at(document, "campaign_id"),
        campaign_name=text_at(document, "campaign_name"),
        consent={
            text_at(response, "checkbox_key"): is_true_at(response, "is_checked")
            for response in list_at(document, "custom_disclaimer_responses")
            if text_at(response, "checkbox_key")
        },
    )


def _is_test_answer(value: Any) -> bool:
    return isinstance(value, str) and (bool(_TEST_ANSWER(value)) or value.strip().lower() in TEST_EMAILS)


PROVIDER = Provider(
    type=META_LEAD_ADS,
    verify=verify,
    read=read,
    is_id_only=True,
    answer_handshake=answer_handshake,
    sample=SampleRequest(
        body=b'{"object":"page","entry":[{"id":"100200300400500","time":1774688400,"changes":[{"field":"leadgen",'
        b'"value":{"leadgen_id":"900800700600500","page_id":"100200300400500","form_id":"500400300200100",'
        b'"ad_id":"120200300400500600","adgroup_id":"120200300400500600","created_time":1774688400}}]}]}'
    ),
)
