"""Elementor forms: one submission a request, as a form, with its fields in full ("advanced data") or by their labels.

Source: https://elementor.com/help/webhook-integrations/ and Elementor Pro for WordPress (classes Webhook and
Form_Record). Nothing is signed, and nothing identifies a submission.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, URL_ALONE_VERIFICATION, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind
from shared.integrations.reading.form_answers import body_object, form_answer, is_json, read_form
from shared.integrations.reading.untrusted_json import dict_at, text_at, value_at
from shared.integrations.signature_checks import verify_by_url_alone
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, Credentials, WebhookRequest

ELEMENTOR = IntegrationType(
    "elementor",
    "Elementor forms",
    INBOUND_ONLY,
    (),
    URL_ALONE_VERIFICATION,
    "https://elementor.com/help/webhook-integrations/",
)
KINDS_BY_TYPE: Mapping[str, ContactKind] = {
    "email": "email",
    "tel": "phone",
    **dict.fromkeys(("url", "date", "time", "upload"), "custom"),
}
# A password is a secret, not an answer; the others ask for nothing.
NO_ANSWER_TYPES = frozenset("password html step honeypot recaptcha recaptcha_v3".split())
# Labels of what describes the request where the fields come by label. Date and Time may be fields, too.
PAGE_LABEL = "Page URL"
REQUEST_LABELS = (PAGE_LABEL, "User Agent", "Remote IP", "Powered by")
TIME_LABELS = ("Date", "Time")
FORM_KEYS = ("form_id", "form_name")

_NO_LABEL = re.compile(r"No Label (.+)", re.DOTALL).fullmatch


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the submission of the request. Raises UnreadableBody."""
    document = body_object(request)
    fields = document.get("fields")
    if isinstance(fields, dict | list):
        return [_full_submission(document, fields)]
    if not is_json(request):
        document = dict(request.fields)  # brackets in a label mean nothing
    page_url = text_at(document, PAGE_LABEL)
    lead, attribution = read_form(_labelled_answers(document), form_id=text_at(document, "form_id"), page_url=page_url)
    return [SourceEvent(lead=lead, attribution=attribution, document=document)]


def _full_submission(document: dict[str, Any], fields: dict[str, Any] | list[Any]) -> SourceEvent:
    if isinstance(fields, list):
        fields = {text_at(field, "id") or str(number): field for number, field in enumerate(fields)}
    consent = {
        text_at(field, "title") or name: text_at(field, "value").lower() not in ("", "0", "no", "off", "false")
        for name, field in fields.items()
        if text_at(field, "type") == "acceptance"
    }
    lead, attribution = read_form(
        _typed_answers(fields),
        consent,
        form_id=text_at(document, "form", "id"),
        page_url=text_at(document, "meta", "page_url", "value"),
    )
    return SourceEvent(lead=lead, attribution=attribution, document=document)


def _typed_answers(fields: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for name, field in fields.items():
        type_ = text_at(field, "type")
        if type_ == "acceptance" or type_ in NO_ANSWER_TYPES:
            continue
        value = value_at(field, "value") if dict_at(field) else field
        yield form_answer(value, label=text_at(field, "title"), key=name, kind=KINDS_BY_TYPE.get(type_))


def _labelled_answers(document: Mapping[str, Any]) -> Iterator[AnsweredField]:
    describes_request = any(label in document for label in REQUEST_LABELS)
    for label, value in document.items():
        if label in FORM_KEYS or label in REQUEST_LABELS or (describes_request and label in TIME_LABELS):
            continue
        if unnamed := _NO_LABEL(label):
            yield form_answer(value, key=unnamed[1])
        else:
            yield form_answer(value, label=label)


PROVIDER = Provider(
    type=ELEMENTOR,
    verify=verify_by_url_alone,
    read=read,
    sample=SampleRequest(
        media_type=FORM_MEDIA_TYPE,
        body=b"form%5Bid%5D=sample&form%5Bname%5D=Demo&fields%5Bname%5D%5Btype%5D=text&fields%5Bname%5D%5Btitle%5D=Name"
        b"&fields%5Bname%5D%5Bvalue%5D=Sam+Sample&fields%5Bemail%5D%5Btype%5D=email&fields%5Bemail%5D%5Btitle%5D=Email"
        b"&fields%5Bemail%5D%5Bvalue%5D=sam%40example.com&fields%5Bphone%5D%5Btype%5D=tel&fields%5Bphone%5D%5Btitle%5D="
        b"Phone&fields%5Bphone%5D%5Bvalue%5D=%2B14155550123&fields%5Bbudget%5D%5Btype%5D=select&fields%5Bbudget%5D"
        b"%5Btitle%5D=Budget&fields%5Bbudget%5D%5Bvalue%5D=10%2C000&meta%5Bpage_url%5D%5Btitle%5D=Page+URL&meta"
        b"%5Bpage_url%5D%5Bvalue%5D=https%3A%2F%2Fwww.example.com%2Fcontact%2F%3Futm_source%3Dnewsletter",
    ),
)
