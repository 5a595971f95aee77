"""The form of a lead's facts: what it shows, what somebody changed in it, and what is wrong with that.

Only what was changed is written, and only where the lead still has what the form showed: each field carries its value
from before. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from shared.leads.lead_fields import LeadFields
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema

TEXT_FIELDS = (
    *("first_name", "last_name", "email", "email_as_given", "phone", "company", "job_title", "country", "source"),
    "notes",
)
REFERENCE_FIELDS = ("pipeline_stage_id", "assigned_user_id")
FORM_FIELDS = (*TEXT_FIELDS, "status", *REFERENCE_FIELDS)
CUSTOM_PREFIX = "custom_fields."
BEFORE_PREFIX = "was."
MAX_EDITED_LENGTH = 100_000  # characters of one value

_SCHEMA = FieldsSchema(LeadFields)


@dataclass(frozen=True)
class CustomInput:
    """A custom field in the form. A list or an object is shown as JSON, and cannot be edited."""

    key: str
    text: str
    is_editable: bool


@dataclass
class LeadEditForm:
    """The form as it is shown: values as texts by field, and problems by field.

    `holders` are the leads that have an email or phone already.
    """

    values: dict[str, str]
    before: dict[str, str]
    custom: list[CustomInput]
    new_key: str = ""
    new_value: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LeadEdits:
    """What somebody changed: the new values, what the lead must still have, and errors of what was typed."""

    set_fields: dict[str, Any]
    expected: dict[str, Any]
    errors: FieldErrors


def make_edit_form(record: Mapping[str, Any], texts: Mapping[str, str] | None = None) -> LeadEditForm:
    """Return the form for a lead, with what was typed if it is shown again."""
    before = {name: value_text(record[name]) for name in FORM_FIELDS}
    custom = [CustomInput(key, value_text(value), _is_plain(value)) for key, value in record["custom_fields"].items()]
    before |= {f"{CUSTOM_PREFIX}{each.key}": each.text for each in custom}
    if texts is None:
        return LeadEditForm(dict(before), before, custom)
    kept = {name: texts.get(f"{BEFORE_PREFIX}{name}", text) for name, text in before.items()}
    values = {name: texts.get(name, text) for name, text in before.items()}
    return LeadEditForm(values, kept, custom, texts.get("new_key", ""), texts.get("new_value", ""))


def read_lead_edits(record: Mapping[str, Any], texts: Mapping[str, str]) -> LeadEdits:
    """Return what somebody changed in the form of a lead whose record is the present one."""
    wanted: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, text, before in _changed_texts(texts):
        key = name.removeprefix(CUSTOM_PREFIX)
        stored = record["custom_fields"].get(key) if key != name else record.get(name)
        expected[name] = stored if value_text(stored) == before else before
        if key != name:
            custom[key] = _custom_value(text, stored)
        else:
            wanted[name] = _field_value(name, text)
    new_key = texts.get("new_key", "").strip()
    if new_key:
        custom[new_key] = texts.get("new_value", "").strip()
        expected[f"{CUSTOM_PREFIX}{new_key}"] = None
    if custom:
        wanted["custom_fields"] = custom
    fields, errors = _SCHEMA.validate_fields(wanted)
    return LeadEdits(fields, expected, errors)


def value_text(value: Any) -> str:
    """Return a value as the form shows it, with the line ends that a browser keeps."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _plain_lines(value)
    return orjson.dumps(value).decode()


def _changed_texts(texts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the fields that differ from what the form showed: name, text, and text before."""
    for name, text in texts.items():
        if name not in FORM_FIELDS and not name.startswith(CUSTOM_PREFIX):
            continue
        now, before = _plain_lines(text)[:MAX_EDITED_LENGTH], _plain_lines(texts.get(f"{BEFORE_PREFIX}{name}", ""))
        if now.strip() != before.strip():
            yield name, now.strip(), before


def _field_value(name: str, text: str) -> Any:
    if name in REFERENCE_FIELDS:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text or None
    return text or None


def _custom_value(text: str, stored: Any) -> Any:
    """Return a custom field as it is stored. A number stays a number, and an emptied field goes."""
    if not text:
        return None
    if isinstance(stored, bool | int | float):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return value if isinstance(value, bool) == isinstance(stored, bool) and _is_plain(value) else text
    return text


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
