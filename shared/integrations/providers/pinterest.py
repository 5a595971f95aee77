"""Pinterest lead ads: leads that are encrypted with the key of the subscription. Unproven.

Source: https://developers.pinterest.com/docs/work-with-ads/lead-ads/. It names the algorithm, AES-256-GCM, and the ids
of a lead. It does not say where the nonce and the tag stand, and no delivery has been seen: this module tries the usual
places. What the key does not authenticate is not taken.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.pinterest_decryption import decrypt_leads
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

PINTEREST = IntegrationType(
    "pinterest",
    "Pinterest lead ads",
    INBOUND_ONLY,
    (CredentialField("cryptographic_key", "Cryptographic key of the subscription", required=False),),
    "Unproven, as Pinterest does not document the form of its requests: where the key is set, only what AES-256-GCM "
    "authenticates with it is taken; without it, a plain JSON body is.",
    "https://developers.pinterest.com/docs/work-with-ads/lead-ads/",
)
KINDS_BY_QUESTION_TYPE: Mapping[str, ContactKind] = {
    "FULL_NAME": "full_name",
    "FIRST_NAME": "first_name",
    "LAST_NAME": "last_name",
    "EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "COUNTRY": "country",
}
FIELDS_OF_THE_AD = frozenset(
    "advertiser_id ad_account_id lead_form_id form_id ad_id ad_group_id ad_group_name campaign_id campaign_name "
    "lead_id id created_time created_at timestamp subscription_id api_version user_account_id".split()
)
NAMES_OF_A_QUESTION = ("custom_question_label", "question", "label", "name", "field", "key")
NAMES_OF_A_VALUE = ("answer", "value", "values", "answers", "response")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check that the key authenticates a lead of the body, where a key is set. Raises SignatureRefused."""
    if key := credentials.get("cryptographic_key"):
        if not request.body:
            raise SignatureRefused("missing_signature")
        if not any(lead is not None for lead in decrypt_leads(request.body, key)):
            raise SignatureRefused("bad_signature")


def read(request: WebhookRequest, credentials: Credentials) -> Iterator[SourceEvent]:
    """Return the leads of the request. Raises UnreadableBody."""
    if key := credentials.get("cryptographic_key"):
        leads = decrypt_leads(request.body, key)
    else:
        leads = request.document if isinstance(request.document, list) else [request.document]
    if not any(isinstance(lead, dict) for lead in leads):
        raise UnreadableBody("The body holds no lead.")
    return (_event_of(lead, f"{request.body_digest}:{position}") for position, lead in enumerate(leads))


def _event_of(lead: Any, fallback_key: str) -> SourceEvent:
    if not isinstance(lead, dict):
        return SourceEvent(kind="ignored", note="an item that the key does not authenticate")
    answers = list(_answers(lead))
    lead_id = text_at(lead, "lead_id") or text_at(lead, "id")
    return SourceEvent(
        event_id=lead_id or fallback_key,
        account_id=text_at(lead, "advertiser_id") or text_at(lead, "ad_account_id") or None,
        lead=read_contact(answers),
        attribution=_attribution(lead, lead_id, answers),
        document=lead,
    )


def _attribution(lead: Mapping[str, Any], lead_id: str, answers: list[AnsweredField]) -> Attribution:
    times = (utc_time(lead.get(name)) for name in ("created_time", "created_at", "timestamp"))
    return make_attribution(
        {answer.key or answer.label: answer.value for answer in answers},
        at=next(filter(None, times), ""),
        platform="pinterest",
        provider_lead_id=lead_id,
        form_id=text_at(lead, "lead_form_id") or text_at(lead, "form_id"),
        ad_id=text_at(lead, "ad_id"),
        adset_id=text_at(lead, "ad_group_id"),
        campaign_id=text_at(lead, "campaign_id"),
        campaign_name=text_at(lead, "campaign_name"),
    )


def _answers(lead: Mapping[str, Any]) -> Iterator[AnsweredField]:
    """Return the answers: members of the lead, or objects with a question and an answer in lists or objects in it."""
    for name, value in lead.items():
        if name in FIELDS_OF_THE_AD:
            continue
        questions = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        if questions:
            yield from map(_answered_question, questions)
        elif isinstance(value, dict):
            yield from (_answered_member(key, member) for key, member in value.items())
        else:
            yield _answered_member(name, value)


def _answered_question(item: Mapping[str, Any]) -> AnsweredField:
    question_type = text_at(item, "question_type") or text_at(item, "type")
    label = next(filter(None, (text_at(item, name) for name in NAMES_OF_A_QUESTION)), "")
    value = next((item[name] for name in NAMES_OF_A_VALUE if item.get(name) not in (None, "")), None)
    kind = KINDS_BY_QUESTION_TYPE.get(question_type.upper()) or KINDS_BY_QUESTION_TYPE.get(label.upper())
    return AnsweredField(value, label=label, key=question_type, kind=kind)


def _answered_member(name: str, value: Any) -> AnsweredField:
    return AnsweredField(value, label=name, kind=KINDS_BY_QUESTION_TYPE.get(name.upper()))


PROVIDER = Provider(
    type=PINTEREST,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'[{"advertiser_id":"540000000001","lead_form_id":"650000000001","ad_id":"680000000001",'
        b'"campaign_id":"620000000001","lead_id":"sample-lead","created_time":1774688400,"answers":['
        b'{"question_type":"FULL_NAME","answer":"Sam Sample"},{"question_type":"EMAIL","answer":"sam@example.com"},'
        b'{"question_type":"PHONE_NUMBER","answer":"+14155550123"},{"question_type":"CUSTOM","custom_question_label":'
        b'"Which service do you need?","answer":"Solar panels"}],"utm_source":"pinterest"}]'
    ),
)
