"""Read a person from JSON or a form whose names somebody chose: Zapier, Make, n8n, plain webhooks. Pure.

Objects within objects are read by the names on their path: `{"company": {"name": …}}` is a company's name, and
`{"contact": {"email": …}}` an email. Zapier flattens such paths to `contact__email`, others to `contact.email`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import LEADHUB_HEADER
from shared.integrations.reading.contact_labels import kinds_mentioned
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import agrees, body_object, form_answer, is_json
from shared.integrations.reading.label_text import split_words
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.signature_checks import require_equal, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    MULTIPART_MEDIA_TYPE,
    Credentials,
    UnreadableBody,
    WebhookRequest,
)

EVENT_ID_NAME = "event_id"
MAX_EVENT_ID_LENGTH = 255  # characters
MAX_FIELDS = 1000  # of an item that are read
MAX_TAGS = 100
MAX_TAG_LENGTH = 100  # characters

# Names on a path that only say that a person follows.
_ENVELOPES = frozenset(
    "contact person lead user customer client visitor subscriber applicant member profile individual data payload body "
    "fields form_data formdata form_response properties attributes custom_fields customfields custom_attributes custom "
    "answers values submission entry record item object json details response params query".split()
)
_ATTRIBUTION_NAMES = frozenset(
    "page_url landing_page referrer form_id ad_id adset_id campaign_id campaign_name".split()
)
_TIME_NAMES = ("submitted_at", "created_at", "timestamp", "submission_date", "date_created")
_LABEL_NAMES = ("label", "title", "question", "name", "field", "column_name", "key", "ref", "id", "column_id")
_VALUE_NAMES = ("value", "answer", "values", "response", "string_value")
_DOTTED_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)+").fullmatch
_OTHER_MEDIA_TYPES = ("", "text/plain")  # of a form whose sender named no type


def verify_by_header_secret(request: WebhookRequest, credentials: Credentials) -> None:
    """Compare the header with the secret, if one is set. Raises SignatureRefused."""
    if secret := credentials.get("header_secret"):
        require_equal(require_header(request, LEADHUB_HEADER), secret)


def read_generic(request: WebhookRequest) -> Iterable[SourceEvent]:
    """Return the leads of a JSON object, of an array of objects, or of a form. Raises UnreadableBody."""
    if not is_json(request):
        return [generic_event(_form_object(request))]
    document = request.document
    if isinstance(document, dict) and document:
        return [generic_event(document)]
    items = document if isinstance(document, list) else []
    if not any(isinstance(item, dict) and item for item in items):
        raise UnreadableBody("The body is neither an object with members nor an array of such objects.")
    return map(_item_event, items)


def generic_event(document: Mapping[str, Any]) -> SourceEvent:
    """Return the lead that an object describes. Its `event_id` tells a repeated request from another one."""
    answers: list[AnsweredField] = []
    known: dict[str, Any] = {}
    consent: dict[str, bool] = {}
    for key, value in islice(_named_values(document), MAX_FIELDS):
        name = "_".join(split_words(key))
        if name in _ATTRIBUTION_NAMES and make_attribution(**{name: value}):
            known.setdefault(name, value)
        elif name in _TIME_NAMES and utc_time(value):
            known.setdefault("at", utc_time(value))
        elif (agreed := agrees(key, value)) is not None:
            consent.setdefault(key, agreed)
        elif key not in (EVENT_ID_NAME, "tags"):
            answers.append(form_answer(value, key=key))
    lead, tags = read_contact(answers), _tags(document.get("tags"))
    return SourceEvent(
        event_id=text_at(document, EVENT_ID_NAME)[:MAX_EVENT_ID_LENGTH] or None,
        lead={**lead, "tags": tags} if tags else lead,
        attribution=make_attribution({answer.key: answer.value for answer in answers}, consent=consent, **known),
        document=document,
    )


def _item_event(item: Any) -> SourceEvent:
    if isinstance(item, dict) and item:
        return generic_event(item)
    return SourceEvent(kind="ignored", note="an item that is no object with members")


def _form_object(request: WebhookRequest) -> dict[str, Any]:
    is_form = request.media_type in (FORM_MEDIA_TYPE, MULTIPART_MEDIA_TYPE)
    looks_like_form = request.media_type in _OTHER_MEDIA_TYPES and re.match(rb"[^\s<=]+=", request.body)
    if not is_form and not looks_like_form:
        raise UnreadableBody("The body is neither JSON nor a form.")
    return body_object(request)


def _named_values(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the answers within an object under their telling names, joined by underscores."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from _named_values(value, path + _name_parts(name))
    elif isinstance(node, list) and node and all(map(_is_answer, node)):
        for answer in node:
            yield _first_text(answer, _LABEL_NAMES), next(answer[name] for name in _VALUE_NAMES if name in answer)
    elif isinstance(node, list) and _holds_objects(node) and (len(node) == 1 or kinds_mentioned(" ".join(path[-1:]))):
        for item in node:
            yield from _named_values(item, path)
    else:
        yield _telling_name(path), node


def _name_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name that a sender flattened, such as `contact__email` or `contact.email`."""
    if "__" in name:
        return tuple(part for part in name.split("__") if part.strip("_")) or (name,)
    return tuple(name.split(".")) if _DOTTED_NAME(name) else (name,)


def _telling_name(path: tuple[str, ...]) -> str:
    """Return the names on a path, joined by underscores, without positions and those that only lead to a person."""
    around = [name for name in path[:-1] if not name.isdecimal() and "_".join(split_words(name)) not in _ENVELOPES]
    return "_".join([*around, *path[-1:]])


def _is_answer(node: Any) -> bool:
    """Return whether an object is an answer beside its question, such as `{"label": "Email", "value": …}`."""
    has_value = isinstance(node, dict) and any(name in node for name in _VALUE_NAMES)
    return has_value and bool(_first_text(node, _LABEL_NAMES))


def _first_text(node: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if isinstance(node.get(name), str) and (text := text_at(node, name))), "")


def _holds_objects(node: list[Any]) -> bool:
    return bool(node) and all(isinstance(item, dict) for item in node)


def _tags(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else []
    tags = [text.strip()[:MAX_TAG_LENGTH] for text in texts if isinstance(text, str) and text.strip()]
    return tags[:MAX_TAGS]
