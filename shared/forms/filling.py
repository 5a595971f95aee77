"""Check the values of a form submission against the form, and turn them into a lead. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, get_args

from shared.forms.definition import CHOICES, CUSTOM, DEFAULT_SOURCE, FULL_NAME, FieldType, Form, FormFieldRecord
from shared.leads.contact import Invalid, normalise_email
from shared.leads.forms import FLAGS
from shared.validation import INT64, MESSAGES, Fields, Unacceptable, cleaned, is_url

# The maximum length, in characters, of texts in a field of a form and in a field of a lead.
TYPE_LIMITS = {
    **dict.fromkeys(get_args(FieldType), 1000),
    **{"textarea": 10_000, "email": 254, "phone": 64, "url": 2048, "file": 2048},
}
LEAD_LIMITS = {
    **dict.fromkeys(("first_name", "last_name", FULL_NAME, "company", "job_title", "source"), 255),
    **{"email": 254, "phone": 64, "country": 100, "status": 50, "notes": 10_000, "tags": 100},
}

# Numbers as number inputs of browsers send them, including `.5` and `1e2`, with an optional sign.
_NUMBER = re.compile(r"[+-]?(\d{1,300}|\d{0,300}\.\d{1,300})([eE][+-]?\d{1,300})?").fullmatch
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "esq"})


class File(NamedTuple):
    """The metadata of an uploaded file. Its content is not stored."""

    name: str
    size: int  # bytes
    type: str
    digest: str = ""  # digest of the content; distinguishes a repeat from another body, and is not stored


class Filled(NamedTuple):
    """A checked submission: the `values` of the form's own fields as sent, and the `lead` that they describe."""

    values: dict[str, Any]
    lead: dict[str, Any]


class Wrong(ValueError):
    """A value that its field does not accept. The text is the message, with `{field}` for the field's name."""


@dataclass(slots=True)
class _Filling:
    form: Form
    errors: Fields
    lead: dict[str, Any]

    def fill(self, field: FormFieldRecord, sent: Any) -> None:
        """Add the value of one field to the lead, or its error to the errors."""
        key = field["key"]
        value = cleaned(sent, self.errors, key)
        if any(name == key or name.startswith(f"{key}.") for name in self.errors):
            return
        try:
            read = None if _is_blank(value) else READERS[field["type"]](field, value)
            if field["required"] and (read is None or read is False):
                raise Wrong(MESSAGES["missing"] if read is None else "The {field} field must be accepted.")
            if read is not None and field["maps_to"]:
                _map(self.lead, field["maps_to"], read)
        except Wrong as error:
            self.errors[key] = [str(error).replace("{field}", key)]


def fill(form: Form, sent: Mapping[str, Any], *, encoded: bool = False) -> Filled:
    """Check the sent values against the form. Raises a validation error with the messages of all fields at once.

    Keys that the form does not know are ignored. `encoded` means that the values came from a web form: a name may occur
    twice (the last value counts), and a box that is not ticked is missing.
    """
    known = {field["key"]: sent[field["key"]] for field in form.fields if field["key"] in sent}
    filling = _Filling(form, {}, {})
    for field in form.fields:
        value = known.get(field["key"])
        filling.fill(field, _last(value) if encoded and not _takes_many(field) else value)
    if filling.errors:
        raise Unacceptable(filling.errors)
    values = {key: _shown(value) for key, value in known.items()}
    return Filled(values, _with_settings(_with_names(filling.lead), form))


def _shown(value: Any) -> Any:
    """Return a value as the submission stores it: the metadata of files, also within lists."""
    if isinstance(value, File):
        return {"name": value.name, "size": value.size, "type": value.type}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def split_name(name: str) -> tuple[str, str]:
    """Split a name such as `Ada Lovelace` or `Lovelace, Ada` into first and last name. One word is a first name."""
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and last and first and first.replace(".", "").lower() not in _SUFFIXES:
        return first, last
    first, _, last = " ".join(name.split()).partition(" ")
    return first, last


def _takes_many(field: FormFieldRecord) -> bool:
    return field["type"] == "multiselect" or (field["type"] == "checkbox" and bool(field["options"]))


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else value


def _is_blank(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return value is None or (isinstance(value, str) and not value.strip())


def _text(field: FormFieldRecord, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(MESSAGES["string_type"])
    return _within(value.strip(), TYPE_LIMITS[field["type"]])


def _within(value: str, limit: int) -> str:
    if len(value) > limit:
        raise Wrong(MESSAGES["string_too_long"].replace("{max_length}", str(limit)))
    return value


def _email(value: str) -> str:
    try:
        normalise_email(value)
    except Invalid:
        raise Wrong(MESSAGES["email"]) from None
    return value


def _read_number(_: FormFieldRecord, value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER(value.strip()):  # digits of any script
        value = float(value) if set(value) & set(".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(MESSAGES["number"])
    # Checked before isfinite, which fails for an integer that is too large for a float.
    if isinstance(value, int) and not -INT64 <= value < INT64:
        raise Wrong("The {field} field must be a number of at most 64 bits.")
    if not math.isfinite(value):
        raise Wrong(MESSAGES["number"])
    return value


def _read_date(field: FormFieldRecord, value: Any) -> str:
    try:
        return date.fromisoformat(_text(field, value)).isoformat()
    except ValueError:
        raise Wrong("The {field} field must be a date such as 2026-03-28.") from None


def _read_url(field: FormFieldRecord, value: Any) -> str:
    text = _text(field, value)
    if not is_url(text):
        raise Wrong(MESSAGES["url"])
    return text


def _read_choice(field: FormFieldRecord, value: Any) -> str:
    text = _text(field, value)
    if text not in field["options"]:
        raise Wrong("The {field} field must be one of its options.")
    return text


def _read_choices(field: FormFieldRecord, value: Any) -> list[str]:
    values = [part for part in value if not _is_blank(part)] if isinstance(value, list) else [value]
    return list(dict.fromkeys(_read_choice(field, part) for part in values))


def _read_flag(_: FormFieldRecord, value: Any) -> bool:
    found = FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise Wrong(MESSAGES["bool_type"])
    return found


def _read_checkbox(field: FormFieldRecord, value: Any) -> bool | list[str]:
    return _read_choices(field, value) if field["options"] else _read_flag(field, value)


def _read_file(field: FormFieldRecord, value: Any) -> str:
    """Return the name of a file, or a text in place of it, such as its URL."""
    return _text(field, value.name if isinstance(value, File) else value)


READERS: Mapping[str, Callable[[FormFieldRecord, Any], Any]] = {
    **dict.fromkeys(("text", "textarea", "hidden"), _text),
    **dict.fromkeys((kind for kind in CHOICES if kind != "multiselect"), _read_choice),
    "multiselect": _read_choices,
    "checkbox": _read_checkbox,
    "consent": _read_flag,
    "email": lambda field, value: _email(_text(field, value)),
    "phone": _text,  # ingest warns of unreadable phones, since it knows the workspace's country
    "number": _read_number,
    "date": _read_date,
    "url": _read_url,
    "file": _read_file,
}


def _map(lead: dict[str, Any], target: str, value: Any) -> None:
    if target.startswith(CUSTOM):
        lead.setdefault("custom_fields", {})[target.removeprefix(CUSTOM)] = value
    elif target == "tags":
        tags = value if isinstance(value, list) else [_as_text(value)]
        lead.setdefault("tags", []).extend(_within(tag, LEAD_LIMITS["tags"]) for tag in tags)
    elif target == "notes":
        lead["notes"] = "\n\n".join([*filter(None, [lead.get("notes")]), _within(_as_text(value), LEAD_LIMITS[target])])
    else:
        text = _within(_as_text(value), LEAD_LIMITS[target])
        lead[target] = _email(text) if target == "email" else text


def _as_text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _with_names(lead: dict[str, Any]) -> dict[str, Any]:
    """Split a full name into first and last name, unless the form has fields for these."""
    full = lead.pop(FULL_NAME, None)
    parts = zip(("first_name", "last_name"), split_name(full), strict=True) if full else ()
    return {**{name: part for name, part in parts if part}, **lead}


def _with_settings(lead: dict[str, Any], form: Form) -> dict[str, Any]:
    settings = form.settings
    lead.setdefault("source", settings["source"] or DEFAULT_SOURCE)
    if tags := [*lead.get("tags", []), *settings["tags"]]:
        lead["tags"] = tags
    places = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")
    return lead | {name: settings[name] for name in places if settings[name]}  # type: ignore[literal-required]
