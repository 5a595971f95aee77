"""Gravity Forms: one entry a request, its answers by the numbers of the fields, as JSON or as a form.

Source: https://docs.gravityforms.com/entry-object/ and https://docs.gravityforms.com/field-object/ (inputs of fields).
The numbers mean little: email and phone are known by their shape, and names, addresses and consents by their inputs
(`1.3` and `1.6` are first and last name). An administrator may choose the names of the fields instead.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import (
    BY_HEADER_VERIFICATION,
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    LEADHUB_HEADER,
    IntegrationType,
)
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import body_object, form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, text_at
from shared.integrations.signature_checks import require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, UnreadableBody, WebhookRequest

GRAVITY_FORMS = IntegrationType(
    "gravity_forms",
    "Gravity Forms",
    INBOUND_ONLY,
    (HEADER_SECRET_FIELD,),
    BY_HEADER_VERIFICATION,
    "https://docs.gravityforms.com/category/add-ons-gravity-forms/webhooks-add-on/",
)
ENTRY_PROPERTIES = frozenset(
    "id form_id post_id date_created date_updated is_starred is_read ip source_url user_agent currency payment_status "
    "payment_date payment_amount payment_method transaction_id is_fulfilled created_by transaction_type status "
    "source_id submission_speeds".split()
)
NAME_INPUTS: Mapping[int, tuple[str, ContactKind]] = {
    2: ("prefix", "custom"),
    3: ("first name", "first_name"),
    4: ("middle name", "custom"),
    6: ("last name", "last_name"),
    8: ("suffix", "custom"),
}
CONSENT_INPUTS = {1, 2, 3}  # "1" if it is given, the wording, its revision
ADDRESS_INPUTS = {1, 2, 3, 4, 5, 6}  # street, second line, city, state, postcode, country

_FIELD_KEY = re.compile(r"(\d{1,9})(?:[._](\d{1,9}))?").fullmatch
_PHONE = re.compile(r"(?:\+|00|\(|0)?\d[\d\s().\-/]{5,22}\d").fullmatch
_NO_PHONE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,3}(?:\.\d{1,3}){3}").fullmatch
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.\-]*(?: [^\W\d_][\w'’.\-]*){1,3}").fullmatch


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Compare the header with the secret, if there is one. Raises SignatureRefused."""
    secret = credentials.get(HEADER_SECRET_FIELD.key)
    if secret:
        require_equal(require_header(request, LEADHUB_HEADER), secret, "wrong_token")


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the entry of the request. Raises UnreadableBody."""
    document = body_object(request)
    entry = dict_at(document, "entry") or document
    if not any(_FIELD_KEY(name) or name not in ENTRY_PROPERTIES for name in entry) and not text_at(entry, "id"):
        raise UnreadableBody("The body is no entry of a form.")
    form_id, entry_id = text_at(entry, "form_id"), text_at(entry, "id")
    fields = _fields(entry)
    lead, attribution = read_form(
        [*_named_answers(entry), *_numbered_answers(fields)],
        dict(_consents(fields)),
        at=utc_time(text_at(entry, "date_created")),
        form_id=form_id,
        page_url=text_at(entry, "source_url"),
        provider_lead_id=entry_id,
    )
    event_id = f"{form_id}:{entry_id}" if entry_id else None
    return [SourceEvent(event_id=event_id, lead=lead, attribution=attribution, document=document)]


def _fields(entry: Mapping[str, Any]) -> dict[int, dict[int, Any]]:
    """Return the inputs of each field by their numbers. The only input of a plain field is 0."""
    fields: dict[int, dict[int, Any]] = {}
    for name, value in entry.items():
        if match := _FIELD_KEY(name):
            fields.setdefault(int(match[1]), {})[int(match[2] or 0)] = value
    return fields


def _consents(fields: Mapping[int, Mapping[int, Any]]) -> Iterator[tuple[str, bool]]:
    for inputs in fields.values():
        if _is_consent(inputs):
            yield text_at(inputs.get(2)), text_at(inputs.get(1)) == "1"


def _is_consent(inputs: Mapping[int, Any]) -> bool:
    is_given, wording, revision = (text_at(inputs.get(number)) for number in (1, 2, 3))
    return set(inputs) == CONSENT_INPUTS and is_given in ("", "0", "1") and bool(wording) and revision.isdigit()


def _named_answers(entry: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for name, value in entry.items():
        if name not in ENTRY_PROPERTIES and not _FIELD_KEY(name):
            yield form_answer(value, label=name)


def _numbered_answers(fields: Mapping[int, Mapping[int, Any]]) -> Iterator[AnsweredField]:
    has_name = any(_is_name(inputs) for inputs in fields.values())
    for number, inputs in fields.items():
        label = f"Field {number}"
        if set(inputs) == {0}:
            yield _plain_answer(label, inputs[0], may_be_name=number == min(fields) and not has_name)
        elif _is_name(inputs):
            yield from _name_answers(label, inputs)
        elif not _is_consent(inputs):
            yield from _joined_answers(label, inputs)


def _plain_answer(label: str, value: Any, may_be_name: bool) -> AnsweredField:
    text = text_at(value)
    if _PHONE(text) and not _NO_PHONE(text) and (len(text) >= 10 or text[0] in "+(0"):
        return form_answer(text, label=label, kind="phone")
    if may_be_name and _NAME(text) and text == _capitalised(text):
        return form_answer(text, label=label, kind="full_name")
    return form_answer(value, label=label)


def _capitalised(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def _is_name(inputs: Mapping[int, Any]) -> bool:
    return {3, 6} & set(inputs) != set() and set(inputs) <= NAME_INPUTS.keys()


def _name_answers(label: str, inputs: Mapping[int, Any]) -> Iterator[AnsweredField]:
    for number, value in inputs.items():
        part, kind = NAME_INPUTS[number]
        yield form_answer(text_at(value), label=f"{label} {part}", kind=kind)


def _joined_answers(label: str, inputs: Mapping[int, Any]) -> Iterator[AnsweredField]:
    """Yield the parts of an address as one text, and its country. Chosen boxes are a list."""
    chosen = [text for number in sorted(inputs) if (text := text_at(inputs[number]))]
    street, postcode = text_at(inputs.get(1)), text_at(inputs.get(5))
    if set(inputs) <= ADDRESS_INPUTS and {5, 6} & set(inputs) and re.search(r"\d", street + postcode):
        yield form_answer(", ".join(chosen), label=label, kind="custom")
        yield form_answer(text_at(inputs.get(6)), label=f"{label} country", kind="country")
    else:
        yield form_answer(chosen, label=label, kind="custom")


PROVIDER = Provider(
    type=GRAVITY_FORMS,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"id":"101","form_id":"1","date_created":"2026-03-28 09:30:00","status":"active","source_url":'
        b'"https://www.example.com/contact/?utm_source=newsletter&utm_campaign=spring","ip":"192.0.2.1","1.3":"Sam",'
        b'"1.6":"Sample","2":"sam@example.com","3":"+14155550123","4":"We would like a demo.","5.1":"Reports","5.2":""}'
    ),
)
