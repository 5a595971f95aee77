"""Typeform: one response a request, its answers joined to the questions of the form.

Source: https://www.typeform.com/developers/webhooks/ (payload, signature) and
https://www.typeform.com/developers/responses/JSON-response-explanation/ (types of answers).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

TYPEFORM = IntegrationType(
    "typeform",
    "Typeform",
    INBOUND_ONLY,
    (CredentialField("secret", "Webhook secret"),),
    "HMAC-SHA256 of the body with the secret, in Typeform-Signature.",
    "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
)
# By the question's part of a contact block, then by the type of the answer, then by the type of the question.
KINDS: Mapping[str, ContactKind] = {
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "country": "country",
    "email": "email",
    "phone_number": "phone",
    **dict.fromkeys(("boolean", "date", "file_url", "multi_format", "payment", "url"), "custom"),
    **dict.fromkeys(("nps", "opinion_scale", "picture_choice", "ranking", "rating"), "custom"),
}
CONSENT_TYPE = "legal"  # a question of this type is answered by accepting a text
MAX_DEPTH = 4  # groups within groups of questions

_PIPED_ANSWERS = re.compile(r"\{\{.*?\}\}")  # answers that a title repeats


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "Typeform-Signature")
    require_equal(sent, f"sha256={hmac_base64(credentials['secret'], request.body)}")


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the response of the request. Raises UnreadableBody."""
    document = request.document_object
    event_type = text_at(document, "event_type")
    if event_type and event_type != "form_response":  # such as form_response_partial: the person has not sent it
        return [SourceEvent(kind="ignored", note=event_type)]
    response = dict_at(document, "form_response")
    if not response:
        raise UnreadableBody("The body has no form_response.")
    questions = _questions_by_id(list_at(response, "definition", "fields"))
    answers: list[AnsweredField] = []
    consent: dict[str, bool] = {}
    for answer in list_at(response, "answers"):
        question = _question_of(answer, questions)
        if CONSENT_TYPE in (text_at(answer, "field", "type"), text_at(question, "type")):
            consent[_title(question) or text_at(answer, "field", "ref") or CONSENT_TYPE] = bool(_answer_value(answer))
        else:
            answers.append(_answered_field(answer, question))
    lead, attribution = read_form(
        [*answers, *_hidden_fields(response)],
        consent,
        at=utc_time(text_at(response, "submitted_at")),
        form_id=text_at(response, "form_id"),
        provider_lead_id=text_at(response, "token"),
    )
    event_id = text_at(response, "token") or text_at(document, "event_id") or None
    return [SourceEvent(event_id=event_id, lead=lead, attribution=attribution, document=document)]


def _questions_by_id(fields: list[Any], depth: int = 0) -> dict[str, Any]:
    """Return the questions by id and by ref, with those inside of groups and contact blocks."""
    questions: dict[str, Any] = {}
    for question in fields:
        for name in ("id", "ref"):
            questions.setdefault(text_at(question, name), question)
        parts = list_at(question, "properties", "fields") or list_at(question, "fields")
        if parts and depth < MAX_DEPTH:
            questions = {**_questions_by_id(parts, depth + 1), **questions}
    return questions


def _question_of(answer: Any, questions: Mapping[str, Any]) -> Any:
    return questions.get(text_at(answer, "field", "id")) or questions.get(text_at(answer, "field", "ref"))


def _title(question: Any) -> str:
    return " ".join(_PIPED_ANSWERS.sub(" ", text_at(question, "title")).split())


def _answered_field(answer: Any, question: Any) -> AnsweredField:
    names = (
        text_at(question, "subfield_key"),
        text_at(answer, "type"),
        text_at(answer, "field", "type") or text_at(question, "type"),
    )
    return form_answer(
        _answer_value(answer),
        label=_title(question) or text_at(answer, "field", "title"),
        key=text_at(answer, "field", "ref") or text_at(answer, "field", "id"),
        kind=next((KINDS[name] for name in names if name in KINDS), None),
    )


def _answer_value(answer: Any) -> Any:
    """Return the value of an answer: it stands under the name of its type, a choice under `label` or `other`."""
    type_ = text_at(answer, "type")
    value = value_at(answer, type_)
    if type_ == "choice":
        return text_at(value, "label") or text_at(value, "other")
    if type_ == "choices":
        return [*list_at(value, "labels"), *filter(None, [text_at(value, "other")])]
    return value


def _hidden_fields(response: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for key, value in dict_at(response, "hidden").items():
        yield form_answer(value, key=key)
    for variable in list_at(response, "variables"):  # each with its value under the name of its type
        yield form_answer(value_at(variable, text_at(variable, "type")), key=text_at(variable, "key"), kind="custom")


PROVIDER = Provider(
    type=TYPEFORM,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"event_id":"01SAMPLE","event_type":"form_response","form_response":{"form_id":"sample","token":'
        b'"sample-token","submitted_at":"2026-03-28T09:30:00Z","hidden":{"utm_source":"newsletter","utm_campaign":'
        b'"spring"},"definition":{"fields":[{"id":"f1","title":"What is your name?","type":"short_text"},{"id":"f2",'
        b'"title":"Your email","type":"email"},{"id":"f3","title":"Phone","type":"phone_number"},{"id":"f4","title":'
        b'"How many seats do you need?","type":"number"}]},"answers":[{"type":"text","text":"Sam Sample","field":'
        b'{"id":"f1","type":"short_text"}},{"type":"email","email":"sam@example.com","field":{"id":"f2","type":"email"}'
        b'},{"type":"phone_number","phone_number":"+14155550123","field":{"id":"f3","type":"phone_number"}},'
        b'{"type":"number","number":12,"field":{"id":"f4","type":"number"}}]}}'
    ),
)
