"""Google Ads lead forms (YouTube too): one lead a request, authenticated by a key in the body.

Source: https://developers.google.com/google-ads/webhook/docs/implementation (payload). The ids of columns are those of
LeadFormFieldUserInputType in the Google Ads API; an advertiser's own question has an id of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import is_true_at, list_at, text_at, value_at
from shared.integrations.signature_checks import require_equal
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

GOOGLE_ADS = IntegrationType(
    "google_ads",
    "Google Ads lead forms (YouTube too)",
    INBOUND_ONLY,
    (CredentialField("google_key", "Webhook key"),),
    "The google_key in the body must be the one set here.",
    "https://developers.google.com/google-ads/webhook/docs/overview",
)
KINDS_BY_COLUMN_ID: Mapping[str, ContactKind] = {
    "FULL_NAME": "full_name",
    "FIRST_NAME": "first_name",
    "LAST_NAME": "last_name",
    "EMAIL": "email",
    "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "WORK_PHONE": "phone",
    "COMPANY_NAME": "company",
    "JOB_TITLE": "job_title",
    "COUNTRY": "country",
}


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Compare the key in the body, whose name Google spells `google_key` and `Google_key`. Raises SignatureRefused."""
    try:
        document = request.document_object
    except UnreadableBody:
        raise SignatureRefused("missing_signature") from None
    key = next((value for name, value in document.items() if name.lower() == "google_key" and value), None)
    if key is None:
        raise SignatureRefused("missing_signature")
    require_equal(key, credentials["google_key"])


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the lead of the request. Raises UnreadableBody."""
    document = request.document_object
    lead_id = text_at(document, "lead_id")
    if not lead_id and not isinstance(document.get("user_column_data"), list):
        raise UnreadableBody("The body has neither a lead_id nor user_column_data.")
    answers = list(_answers(document))
    is_test = is_true_at(document, "is_test")
    return [
        SourceEvent(
            event_id=None if is_test else lead_id or None,  # Google sends different test leads with one lead_id
            lead=read_contact(answers),
            attribution=_attribution(document, answers),
            is_test=is_test,
            document={name: value for name, value in document.items() if name.lower() != "google_key"},
        )
    ]


def _answers(document: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for column in list_at(document, "user_column_data"):
        column_id = text_at(column, "column_id")
        kind = KINDS_BY_COLUMN_ID.get(column_id.upper())
        yield AnsweredField(value_at(column, "string_value"), text_at(column, "column_name"), column_id, kind)


def _attribution(document: Mapping[str, Any], answers: list[AnsweredField]) -> Attribution:
    parameters = {answer.key or answer.label: answer.value for answer in answers}
    return make_attribution(
        {**parameters, "gcl_id": document.get("gcl_id")},
        at=utc_time(document.get("lead_submit_time")),
        platform="google",
        provider_lead_id=text_at(document, "lead_id"),
        form_id=_id_at(document, "form_id"),
        ad_id=_id_at(document, "creative_id"),
        adset_id=_id_at(document, "adgroup_id"),
        campaign_id=_id_at(document, "campaign_id"),
    )


def _id_at(document: Mapping[str, Any], name: str) -> str:
    found = text_at(document, name)
    return "" if found == "0" else found  # test leads have 0 for every id that they lack


PROVIDER = Provider(
    type=GOOGLE_ADS,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"lead_id":"sample-lead-1","api_version":"1.0","form_id":40000000001,"campaign_id":20000000001,'
        b'"adgroup_id":30000000001,"creative_id":50000000001,"google_key":"sample-key","gcl_id":"sample-click",'
        b'"lead_submit_time":"2026-03-28T09:30:00Z","user_column_data":['
        b'{"column_id":"FULL_NAME","column_name":"Full Name","string_value":"Sam Sample"},'
        b'{"column_id":"EMAIL","column_name":"User Email","string_value":"sam@example.com"},'
        b'{"column_id":"PHONE_NUMBER","column_name":"User Phone","string_value":"+14155550123"},'
        b'{"column_id":"POSTAL_CODE","column_name":"Postal Code","string_value":"94105"},'
        b'{"column_id":"SERVICE","column_name":"Which service do you need?","string_value":"Solar panels"},'
        b'{"column_id":"utm_campaign","string_value":"spring"}]}'
    ),
)
