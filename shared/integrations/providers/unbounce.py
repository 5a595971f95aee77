"""Unbounce: one submission a request, as a form whose field `data.json` has a list of values for each field.

Source: https://documentation.unbounce.com/hc/en-us/articles/203510044 (fields of the request). Nothing is signed, and a
submission has no id: its page, email and minute stand for one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, URL_ALONE_VERIFICATION, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, answer_text
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import body_object, form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, text_at, value_at
from shared.integrations.signature_checks import sha256_hex, verify_by_url_alone
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    Credentials,
    UnreadableBody,
    WebhookRequest,
    parse_json_leniently,
)

UNBOUNCE = IntegrationType(
    "unbounce",
    "Unbounce",
    INBOUND_ONLY,
    (),
    URL_ALONE_VERIFICATION,
    "https://documentation.unbounce.com/hc/en-us/articles/203510044",
)
DATA_NAMES = ("data.json", "data_json")  # some relays write an underscore
PAGE_FIELDS = frozenset(
    "ip_address page_uuid page_id page_url page_name variant time_submitted date_submitted data.xml data_xml".split()
)

_TIME = re.compile(r"(\d{1,2}):(\d{2}) ?(AM|PM)? UTC", re.IGNORECASE).fullmatch


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the submission of the request. Raises UnreadableBody."""
    form = body_object(request)
    name = next((name for name in DATA_NAMES if name in form), None)
    fields = _submitted_fields(form[name]) if name else form
    page_id = _first(fields, "page_uuid") or text_at(form, "page_uuid") or text_at(form, "page_id")
    lead, attribution = read_form(
        _answers(fields),
        at=_submitted_at(_first(fields, "date_submitted"), _first(fields, "time_submitted")),
        form_id=page_id,
        page_url=_first(fields, "page_url") or text_at(form, "page_url"),
    )
    document = {**form, name: fields} if name else form
    return [SourceEvent(event_id=_event_id(page_id, fields), lead=lead, attribution=attribution, document=document)]


def _submitted_fields(data: Any) -> dict[str, Any]:
    fields = data if isinstance(data, dict) else parse_json_leniently(text_at(data).encode())
    if not isinstance(fields, dict):
        raise UnreadableBody("The data.json is no JSON object.")
    return fields


def _first(fields: Mapping[str, Any], name: str) -> str:
    return text_at(fields, name) or text_at(fields, name, 0)


def _answers(fields: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for name, values in fields.items():
        if name not in PAGE_FIELDS:
            yield form_answer(
                value_at(values, 0) if isinstance(values, list) and len(values) == 1 else values, label=name
            )


def _submitted_at(date: str, time: str) -> str:
    match = _TIME(time.strip())
    if not match:
        return ""
    hour, half = int(match[1]), (match[3] or "").upper()
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return utc_time(f"{date}T{hour:02}:{match[2]}:00Z")


def _event_id(page_id: str, fields: Mapping[str, Any]) -> str | None:
    """Return a digest of page, email and time. Where there is no email, all answers stand for the person."""
    date, time = _first(fields, "date_submitted"), _first(fields, "time_submitted")
    if not (date and time):
        return None
    person = _first(fields, "email") or answer_text(dict_at(fields))
    return sha256_hex("\n".join((page_id, person.lower(), date, time)).encode(errors="surrogatepass"))


PROVIDER = Provider(
    type=UNBOUNCE,
    verify=verify_by_url_alone,
    read=read,
    sample=SampleRequest(
        media_type=FORM_MEDIA_TYPE,
        body=b"page_url=https%3A%2F%2Fwww.example.com%2Foffer%2F&page_id=sample-page&variant=a&data.json="
        b"%7B%22name%22%3A%5B%22Sam+Sample%22%5D%2C%22email%22%3A%5B%22sam%40example.com%22%5D%2C%22phone_number%22%3A"
        b"%5B%22%2B14155550123%22%5D%2C%22team_size%22%3A%5B%2212%22%5D%2C%22utm_source%22%3A%5B%22newsletter%22%5D%2C"
        b"%22page_uuid%22%3A%5B%22sample-page%22%5D%2C%22date_submitted%22%3A%5B%222026-03-28%22%5D%2C"
        b"%22time_submitted%22%3A%5B%2209%3A30+AM+UTC%22%5D%7D",
    ),
)
