"""What a payload says about the person who sent it, and its values as a page shows them, secrets masked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.audit.audit_masking import is_secret_name
from shared.intake.payload_changes import PATH_SEPARATOR, PayloadDifference
from shared.platform.masking import SECRET_MASK

MAX_SHOWN_VALUE = 300  # characters
NAME_FIELDS = ("first_name", "last_name")
MESSAGE_FIELDS = ("message", "notes", "comment", "comments", "question", "text")


@dataclass(frozen=True)
class SenderWords:
    """The name or address of a person, another address of theirs, and what they wrote. Empty where nothing is said."""

    title: str
    contact: str
    message: str


@dataclass(frozen=True)
class DifferenceWords:
    """A field that differs, as `added`, `changed` or `removed`, with both values as text."""

    op: str
    field: str
    before: str
    after: str


def read_sender(payload: bytes | Mapping[str, Any] | None) -> SenderWords:
    """Return what a payload of any shape says about its sender."""
    fields = _as_mapping(payload)
    custom = fields.get("custom_fields")
    texts = {**(custom if isinstance(custom, dict) else {}), **fields}
    name = " ".join(filter(None, (_text_of(fields, field) for field in NAME_FIELDS))) or _text_of(fields, "name")
    contacts = [text for text in (_text_of(fields, "email"), _text_of(fields, "phone")) if text]
    said = [name, *contacts] if name else contacts
    message = next(filter(None, (_text_of(texts, field) for field in MESSAGE_FIELDS)), "")
    return SenderWords(said[0] if said else "", said[1] if len(said) > 1 else "", message)


def difference_words(difference: PayloadDifference) -> DifferenceWords:
    """Return a difference with both values as short text. The values of secrets are masked."""
    field = difference["field"]
    is_secret = any(is_secret_name(part) for part in field.split(PATH_SEPARATOR))
    before, after = (SECRET_MASK if is_secret else value_text(difference[side]) for side in ("before", "after"))
    return DifferenceWords(difference["op"], field, before, after)


def value_text(value: Any) -> str:
    """Return a value as short text: a text as it is, all else as JSON. Secrets within it are masked."""
    text = value if isinstance(value, str) else orjson.dumps(_without_secrets(value)).decode()
    return text if len(text) <= MAX_SHOWN_VALUE else f"{text[:MAX_SHOWN_VALUE]}…"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: SECRET_MASK if is_secret_name(name) else _without_secrets(inner) for name, inner in value.items()}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value


def _as_mapping(payload: bytes | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(payload, bytes | bytearray | memoryview):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return {}
    return payload if isinstance(payload, Mapping) else {}


def _text_of(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= MAX_SHOWN_VALUE else f"{text[:MAX_SHOWN_VALUE]}…"
