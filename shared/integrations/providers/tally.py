"""Tally: one response a request. Choices are ids of options.

Source: https://tally.so/help/webhooks (payload, signature).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import asks_for_consent, form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

TALLY = IntegrationType(
    "tally",
    "Tally",
    INBOUND_ONLY,
    (CredentialField("signing_secret", "Signing secret"),),
    "HMAC-SHA256 of the body with the signing secret, in Tally-Signature.",
    "https://tally.so/help/webhooks",
)
KINDS_BY_TYPE: Mapping[str, ContactKind] = {
    "INPUT_EMAIL": "email",
    "INPUT_PHONE_NUMBER": "phone",
    **dict.fromkeys(("INPUT_LINK", "INPUT_DATE", "INPUT_TIME", "FILE_UPLOAD", "SIGNATURE"), "custom"),
    **dict.fromkeys(("LINEAR_SCALE", "RATING", "RANKING", "MATRIX", "CALCULATED_FIELDS"), "custom"),
}
SINGLE_CHOICE_TYPES = ("MULTIPLE_CHOICE", "DROPDOWN")


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "Tally-Signature")
    require_equal(sent, hmac_base64(credentials["signing_secret"], request.body))


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the response of the request. Raises UnreadableBody."""
    document = request.document_object
    event_type = text_at(document, "eventType")
    if event_type and event_type != "FORM_RESPONSE":
        return [SourceEvent(kind="ignored", note=event_type)]
    data = dict_at(document, "data")
    if not data:
        raise UnreadableBody("The body has no data.")
    fields = list(_fields_without_parts(list_at(data, "fields")))
    consent = {wording: given for field in fields for wording, given in _consents(field).items()}
    response_id = text_at(data, "submissionId") or text_at(data, "responseId")
    lead, attribution = read_form(
        [_answered_field(field) for field in fields if not _consents(field)],
        consent,
        at=utc_time(text_at(data, "createdAt") or text_at(document, "createdAt")),
        form_id=text_at(data, "formId"),
        provider_lead_id=response_id,
    )
    event_id = response_id or text_at(document, "eventId") or None
    return [SourceEvent(event_id=event_id, lead=lead, attribution=attribution, document=document)]


def _fields_without_parts(fields: list[Any]) -> Iterator[Any]:
    """Yield the fields, without those that repeat each option of a checkbox field as true or false."""
    whole = {text_at(field, "key") for field in fields if list_at(field, "options")}
    for field in fields:
        key = text_at(field, "key")
        if not (isinstance(value_at(field, "value"), bool) and key.rpartition("_")[0] in whole):
            yield field


def _consents(field: Any) -> dict[str, bool]:
    """Return the consents of a checkbox field by the wording of its options; empty for any other field."""
    options = _texts_by_id(list_at(field, "options"))
    is_consent = asks_for_consent(text_at(field, "label")) or all(map(asks_for_consent, options.values()))
    if text_at(field, "type") != "CHECKBOXES" or not options or not is_consent:
        return {}
    chosen = [text_at(id_) for id_ in list_at(field, "value")]
    return {text or text_at(field, "label"): id_ in chosen for id_, text in options.items()}


def _answered_field(field: Any) -> AnsweredField:
    type_ = text_at(field, "type")
    label = text_at(field, "label")
    if not label:  # a key such as question_3EKz4n tells nothing
        kind = KINDS_BY_TYPE.get(type_, "custom")
        return form_answer(_field_value(field, type_), key=text_at(field, "key"), kind=kind)
    return form_answer(_field_value(field, type_), label=label, kind=KINDS_BY_TYPE.get(type_))


def _field_value(field: Any, type_: str) -> Any:
    value = value_at(field, "value")
    if type_ == "MATRIX":
        rows, columns = (_texts_by_id(list_at(field, name)) for name in ("rows", "columns"))
        return {rows.get(row, row): _chosen(chosen, columns) for row, chosen in dict_at(field, "value").items()}
    if type_ in ("FILE_UPLOAD", "SIGNATURE"):
        return [text_at(file, "url") or text_at(file) for file in list_at(field, "value")] or text_at(value)
    if list_at(field, "options"):
        value = _chosen(value, _texts_by_id(list_at(field, "options")))
    if isinstance(value, list) and len(value) == 1 and type_ in SINGLE_CHOICE_TYPES:
        return value[0]
    return value


def _chosen(value: Any, texts: Mapping[str, str]) -> Any:
    """Return the texts of the chosen options. What is no option, such as a text of the person's own, stays."""
    if isinstance(value, list):
        return [_chosen(item, texts) for item in value if not isinstance(item, list)]
    return texts.get(text_at(value)) or value


def _texts_by_id(options: list[Any]) -> dict[str, str]:
    return {text_at(option, "id"): text_at(option, "text") for option in options}


PROVIDER = Provider(
    type=TALLY,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"eventId":"sample-delivery","eventType":"FORM_RESPONSE","createdAt":"2026-03-28T09:30:01.000Z","data":'
        b'{"responseId":"sample","submissionId":"sample","formId":"demo","formName":"Contact","createdAt":'
        b'"2026-03-28T09:30:00.000Z","fields":[{"key":"question_1","label":"Your name","type":"INPUT_TEXT","value":'
        b'"Sam Sample"},{"key":"question_2","label":"Email","type":"INPUT_EMAIL","value":"sam@example.com"},'
        b'{"key":"question_3","label":"Phone","type":"INPUT_PHONE_NUMBER","value":"+14155550123"},{"key":"question_4",'
        b'"label":"Plan","type":"MULTIPLE_CHOICE","value":["o2"],"options":[{"id":"o1","text":"Basic"},{"id":"o2",'
        b'"text":"Team"}]},{"key":"question_5","label":"utm_source","type":"HIDDEN_FIELDS","value":"newsletter"}]}}'
    ),
)
