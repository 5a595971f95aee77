"""Jotform: one submission a request, as a form whose field `rawRequest` is the JSON of the answers.

Source: https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/ and public consumers of these webhooks.
Answers have keys such as `q3_fullName`, after the first words of the question. Texts are HTML-escaped. There is no
signature; a header `X-Jotform-Signature` that some programs look for does not exist.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, URL_ALONE_VERIFICATION, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField
from shared.integrations.reading.form_answers import body_object, form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, text_at
from shared.integrations.signature_checks import verify_by_url_alone
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    Credentials,
    UnreadableBody,
    WebhookRequest,
    parse_json_leniently,
)

JOTFORM = IntegrationType(
    "jotform",
    "Jotform",
    INBOUND_ONLY,
    (),
    URL_ALONE_VERIFICATION,
    "https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/",
)
NAME_PARTS = {"prefix", "first", "middle", "last", "suffix"}
PHONE_PARTS = {"country", "area", "phone", "full"}
ADDRESS_PARTS = ("addr_line1", "addr_line2", "city", "state", "postal", "country")
DATE_PARTS = {"year", "month", "day"}
DRAWING = "data:image"  # how the address of a drawn signature begins: the image itself

_QUESTION_KEY = re.compile(r"q\d+_(.+)", re.DOTALL).fullmatch
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|_+")
_NOT_WORDS = re.compile(r"[\W_]+")


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the submission of the request. Raises UnreadableBody."""
    form = body_object(request)
    raw = _raw_answers(form)
    submission_id = text_at(form, "submissionID") or text_at(form, "submission_id")
    if not submission_id and not any(map(_QUESTION_KEY, raw)):
        raise UnreadableBody("The body has neither a submissionID nor answers.")
    labels = _labels(text_at(form, "pretty"), raw)
    lead, attribution = read_form(
        _answers(raw, labels),
        form_id=text_at(form, "formID"),
        provider_lead_id=submission_id,
    )
    document = {**form, "rawRequest": raw} if "rawRequest" in form else form
    return [SourceEvent(event_id=submission_id or None, lead=lead, attribution=attribution, document=document)]


def _raw_answers(form: Mapping[str, Any]) -> dict[str, Any]:
    if "rawRequest" not in form:
        return dict(form)
    raw = dict_at(form, "rawRequest")
    if not raw:
        raw = parse_json_leniently(text_at(form, "rawRequest").encode())
    if not isinstance(raw, dict):
        raise UnreadableBody("The rawRequest is no JSON object.")
    return raw


def _labels(summary: str, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the wording of questions by key, where the summary has a label that begins with the words of the key.

    The summary is `Label:answer, Label:answer`. Nothing in it is escaped, so it proves no more than that.
    """
    labels = [html.unescape(part.partition(":")[0]).strip() for part in summary.split(", ") if ":" in part]
    labels_by_key = {}
    for key in raw:
        match = _QUESTION_KEY(key)
        slug = _squeezed(match[1]).rstrip("0123456789") if match else ""
        label = next((label for label in labels if len(slug) > 2 and _squeezed(label).startswith(slug)), None)
        if label:
            labels_by_key[key] = label
            labels.remove(label)
    return labels_by_key


def _squeezed(text: str) -> str:
    return _NOT_WORDS.sub("", text).lower()


def _answers(raw: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[AnsweredField]:
    for key, sent in raw.items():
        match = _QUESTION_KEY(key)
        value = _unescaped(sent)
        if match:
            slug = match[1].rstrip("0123456789") or match[1]
            yield from _question_answers(labels.get(key) or _WORD_BORDER.sub(" ", slug), match[1], value)
        elif isinstance(value, list) and all(text_at(item).startswith("https://") for item in value):
            yield form_answer(value, label=_WORD_BORDER.sub(" ", key), kind="custom")  # uploaded files


def _unescaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    return html.unescape(value) if isinstance(value, str) else value


def _question_answers(label: str, key: str, value: Any) -> Iterator[AnsweredField]:
    """Yield what a question asked for: a name, a phone number, an address or a date consists of several texts."""
    parts = set(value) if isinstance(value, dict) else set()
    if parts & {"first", "last"} and parts <= NAME_PARTS:
        yield form_answer(text_at(value, "first"), label=f"{label} first", kind="first_name")
        yield form_answer(text_at(value, "last"), label=f"{label} last", kind="last_name")
        for part in ("prefix", "middle", "suffix"):
            yield form_answer(text_at(value, part), label=f"{label} {part}", kind="custom")
    elif parts & {"full", "phone"} and parts <= PHONE_PARTS:
        yield form_answer(_phone(value), label=label, kind="phone")
    elif "addr_line1" in parts or {"city", "postal"} <= parts:
        yield form_answer(text_at(value, "country"), label=f"{label} country", kind="country")
        lines = [text_at(value, part) for part in ADDRESS_PARTS]
        yield form_answer(", ".join(filter(None, lines)), label=label, kind="custom")
    elif parts >= DATE_PARTS:
        yield form_answer(_date(value), label=label, kind="custom")
    elif {"date", "timezone"} <= parts:  # an appointment
        yield form_answer(f"{text_at(value, 'date')} {text_at(value, 'timezone')}", label=label, kind="custom")
    elif not text_at(value).startswith(DRAWING):
        yield form_answer(value, label=label, key=key)


def _phone(value: Any) -> str:
    if full := text_at(value, "full"):
        return full
    country = text_at(value, "country").lstrip("+")
    parts = [f"+{country}" if country else "", text_at(value, "area"), text_at(value, "phone")]
    return " ".join(filter(None, parts)) if parts[-1] else ""


def _date(value: Any) -> str:
    year, month, day = (text_at(value, part) for part in ("year", "month", "day"))
    if not (year and month and day):
        return ""
    hour, minute = text_at(value, "hour"), text_at(value, "min")
    time = f" {hour}:{minute} {text_at(value, 'ampm')}" if hour and minute else ""
    return f"{year}-{month:0>2}-{day:0>2}{time}".strip()


PROVIDER = Provider(
    type=JOTFORM,
    verify=verify_by_url_alone,
    read=read,
    sample=SampleRequest(
        media_type=FORM_MEDIA_TYPE,
        body=b"formID=200000000000001&submissionID=5000000000000000001&formTitle=Contact&type=WEB&pretty="
        b"Name%3ASam+Sample%2C+Email%3Asam%40example.com%2C+Phone+Number%3A%2B14155550123%2C+How+did+you+hear+of+us%3F"
        b"%3ASearch&rawRequest=%7B%22slug%22%3A%22submit%2F200000000000001%22%2C%22q3_name%22%3A%7B%22first%22%3A%22"
        b"Sam%22%2C%22last%22%3A%22Sample%22%7D%2C%22q4_email%22%3A%22sam%40example.com%22%2C%22q5_phoneNumber%22%3A"
        b"%7B%22full%22%3A%22%2B14155550123%22%7D%2C%22q6_howDid%22%3A%22Search%22%2C%22q7_utm_source%22%3A%22"
        b"newsletter%22%7D",
    ),
)
