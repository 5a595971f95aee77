"""Check the values of a form submission against the form, and turn them into a lead. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from typing import Any, NamedTuple, get_args

from services.gateway.field_visibility import visible_fields
from services.gateway.uploaded_files import UploadedFile, describe_file, find_file_problem
from shared.form_pages.page_state import FieldProblem
from shared.forms.definition import DEFAULT_FORM_SOURCE, FormDefinition
from shared.forms.field_definition import CHOICE_TYPES, CUSTOM_PREFIX, FULL_NAME, FieldType, FormFieldRecord
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.form_encoding import FLAG_WORDS
from shared.leads.full_name import split_name
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import ERROR_MESSAGES
from shared.platform.validation.schema import InvalidFields, clean_value
from shared.platform.validation.types import INT64_LIMIT, is_url

# The maximum length, in characters, of texts in a field of a form and in a field of a lead.
MAX_LENGTH_BY_TYPE = {
    **dict.fromkeys(get_args(FieldType), 1000),
    **{"textarea": 10_000, "email": 254, "phone": 64, "url": 2048, "file": 2048},
}
MAX_LENGTH_BY_LEAD_FIELD = {
    **dict.fromkeys(("first_name", "last_name", FULL_NAME, "company", "job_title", "source"), 255),
    **{"email": 254, "phone": 64, "country": 100, "status": 50, "notes": 10_000, "tags": 100},
}

# Numbers as number inputs of browsers send them, including `.5` and `1e2`, with an optional sign.
_NUMBER_PATTERN = re.compile(r"[+-]?(\d{1,300}|\d{0,300}\.\d{1,300})([eE][+-]?\d{1,300})?").fullmatch


class FilledForm(NamedTuple):
    """A checked submission: the `values` of the form's own fields as sent, and the `lead` that they describe."""

    values: dict[str, Any]
    lead: dict[str, Any]


class InvalidValue(ValueError):
    """A value that its field does not accept. The text is the message, with `{field}` for the field's name.

    `code` and `params` say the same to pages for visitors, which have their own words: see `FieldProblem`.
    """

    def __init__(self, message: str, code: str = "invalid", **params: Any) -> None:
        super().__init__(message)
        self.problem = FieldProblem(code, params)


class InvalidForm(InvalidFields):
    """Some values of a form are invalid. `problems` are by the key of the field, as pages for visitors word them."""

    def __init__(self, errors: FieldErrors, problems: Mapping[str, FieldProblem]) -> None:
        super().__init__(errors)
        self.problems = problems


@dataclass(slots=True)
class _FormFilling:
    errors: FieldErrors = dataclass_field(default_factory=dict)
    problems: dict[str, FieldProblem] = dataclass_field(default_factory=dict)
    lead: dict[str, Any] = dataclass_field(default_factory=dict)

    def fill_field(self, field: FormFieldRecord, raw_value: Any) -> None:
        """Add the value of one field to the lead, or its error to the errors."""
        key = field["key"]
        value = clean_value(raw_value, self.errors, key)
        if any(name == key or name.startswith(f"{key}.") for name in self.errors):
            self.problems[key] = FieldProblem("invalid")
            return
        try:
            field_value = None if _is_blank(value) else FIELD_READERS[field["type"]](field, value)
            if field["required"] and (field_value is None or field_value is False):
                message = ERROR_MESSAGES["missing"] if field_value is None else "The {field} field must be accepted."
                raise InvalidValue(message, "required")
            if field_value is not None and field["maps_to"]:
                _map_value(self.lead, field["maps_to"], field_value)
        except InvalidValue as error:
            self.errors[key], self.problems[key] = [str(error).replace("{field}", key)], error.problem


def fill_form(form: FormDefinition, sent_values: Mapping[str, Any], *, encoded: bool = False) -> FilledForm:
    """Check the sent values against the form. Raises InvalidForm with the messages of all fields at once.

    Keys that the form does not know are ignored, and so are fields that the form does not show for these values.
    `encoded` means that the values came from a web form: a name may occur twice (the last value counts), and a box that
    is not ticked is missing.
    """
    filling = _FormFilling()
    shown = shown_fields(form, sent_values, encoded=encoded)
    for field in shown:
        value = sent_values.get(field["key"])
        filling.fill_field(field, _last_value(value) if encoded and not takes_many(field) else value)
    if filling.errors:
        raise InvalidForm(filling.errors, filling.problems)
    values = {field["key"]: _stored_value(sent_values[field["key"]]) for field in shown if field["key"] in sent_values}
    return FilledForm(values, _with_settings(_with_names(filling.lead), form))


def shown_fields(
    form: FormDefinition, sent_values: Mapping[str, Any], *, encoded: bool = False
) -> list[FormFieldRecord]:
    """Return the fields that the form shows for the sent values."""
    if not any(field["show_if"] for field in form.fields):
        return form.fields
    known = {
        field["key"]: _compared_value(field, sent_values[field["key"]], encoded)
        for field in form.fields
        if field["key"] in sent_values
    }
    return visible_fields(form.fields, known)


def _compared_value(field: FormFieldRecord, value: Any, encoded: bool) -> Any:
    """Return a sent value as conditions compare it: a flag for a single box, the name of a file."""
    if encoded and not takes_many(field):
        value = _last_value(value)
    if isinstance(value, list):
        return [_compared_value(field, one, False) for one in value]
    if isinstance(value, UploadedFile):
        return value.name
    if isinstance(value, str):
        text = value.strip()
        is_box = field["type"] == "consent" or (field["type"] == "checkbox" and not field["options"])
        return FLAG_WORDS.get(text.lower(), text) if is_box else text
    return value


def _stored_value(value: Any) -> Any:
    """Return a value as the submission stores it: the metadata of files, also within lists."""
    if isinstance(value, UploadedFile):
        return describe_file(value)
    return [_stored_value(one) for one in value] if isinstance(value, list) else value


def takes_many(field: FormFieldRecord) -> bool:
    """Return whether a field has several values."""
    return field["type"] == "multiselect" or (field["type"] == "checkbox" and bool(field["options"]))


def _last_value(value: Any) -> Any:
    """Return the last of several values. Files add up."""
    return value[-1] if isinstance(value, list) and value and not _holds_files(value) else value


def _holds_files(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, UploadedFile) for one in value)


def _is_blank(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return value is None or (isinstance(value, str) and not value.strip())


def _read_text(field: FormFieldRecord, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidValue(ERROR_MESSAGES["string_type"])
    return _check_length(value.strip(), MAX_LENGTH_BY_TYPE[field["type"]])


def _check_length(value: str, limit: int) -> str:
    if len(value) > limit:
        raise InvalidValue(ERROR_MESSAGES["string_too_long"].replace("{max_length}", str(limit)), "too_long", max=limit)
    return value


def _check_email(value: str) -> str:
    try:
        normalise_email(value)
    except InvalidContact:
        raise InvalidValue(ERROR_MESSAGES["email"], "email") from None
    return value


def _read_number(_: FormFieldRecord, value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER_PATTERN(value.strip()):  # digits of any script
        value = float(value) if set(value) & set(".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(ERROR_MESSAGES["number"], "number")
    # Checked before isfinite, which fails for an integer that is too large for a float.
    if isinstance(value, int) and not -INT64_LIMIT <= value < INT64_LIMIT:
        raise InvalidValue("The {field} field must be a number of at most 64 bits.", "number")
    if not math.isfinite(value):
        raise InvalidValue(ERROR_MESSAGES["number"], "number")
    return value


def _read_date(field: FormFieldRecord, value: Any) -> str:
    try:
        return date.fromisoformat(_read_text(field, value)).isoformat()
    except ValueError:
        raise InvalidValue("The {field} field must be a date such as 2026-03-28.", "date") from None


def _read_url(field: FormFieldRecord, value: Any) -> str:
    text = _read_text(field, value)
    if not is_url(text):
        raise InvalidValue(ERROR_MESSAGES["url"], "url")
    return text


def _read_choice(field: FormFieldRecord, value: Any) -> str:
    text = _read_text(field, value)
    if text not in field["options"]:
        raise InvalidValue("The {field} field must be one of its options.", "option")
    return text


def _read_choices(field: FormFieldRecord, value: Any) -> list[str]:
    values = [part for part in value if not _is_blank(part)] if isinstance(value, list) else [value]
    return list(dict.fromkeys(_read_choice(field, part) for part in values))


def _read_flag(_: FormFieldRecord, value: Any) -> bool:
    flag = FLAG_WORDS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(flag, bool):
        raise InvalidValue(ERROR_MESSAGES["bool_type"])
    return flag


def _read_checkbox(field: FormFieldRecord, value: Any) -> bool | list[str]:
    return _read_choices(field, value) if field["options"] else _read_flag(field, value)


def _read_file(field: FormFieldRecord, value: Any) -> str:
    """Return the names of files, or a text in place of one, such as its URL."""
    if _holds_files(value):
        return _check_length(", ".join(_read_one_file(field, one) for one in value), MAX_LENGTH_BY_TYPE["file"])
    return _read_one_file(field, value)


def _read_one_file(field: FormFieldRecord, value: Any) -> str:
    if isinstance(value, UploadedFile):
        if problem := find_file_problem(field, value):
            raise InvalidValue(problem.message, problem.code, **problem.params)
        return value.name
    return _read_text(field, value)


FIELD_READERS: Mapping[str, Callable[[FormFieldRecord, Any], Any]] = {
    **dict.fromkeys(("text", "textarea", "hidden"), _read_text),
    **dict.fromkeys((kind for kind in CHOICE_TYPES if kind != "multiselect"), _read_choice),
    "multiselect": _read_choices,
    "checkbox": _read_checkbox,
    "consent": _read_flag,
    "email": lambda field, value: _check_email(_read_text(field, value)),
    "phone": _read_text,  # ingest warns of unreadable phones, since it knows the workspace's country
    "number": _read_number,
    "date": _read_date,
    "url": _read_url,
    "file": _read_file,
}


def _map_value(lead: dict[str, Any], target: str, value: Any) -> None:
    if target.startswith(CUSTOM_PREFIX):
        lead.setdefault("custom_fields", {})[target.removeprefix(CUSTOM_PREFIX)] = value
    elif target == "tags":
        tags = value if isinstance(value, list) else [_as_text(value)]
        lead.setdefault("tags", []).extend(_check_length(tag, MAX_LENGTH_BY_LEAD_FIELD["tags"]) for tag in tags)
    elif target == "notes":
        lead["notes"] = "\n\n".join(
            [*filter(None, [lead.get("notes")]), _check_length(_as_text(value), MAX_LENGTH_BY_LEAD_FIELD[target])]
        )
    else:
        text = _check_length(_as_text(value), MAX_LENGTH_BY_LEAD_FIELD[target])
        lead[target] = _check_email(text) if target == "email" else text


def _as_text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _with_names(lead: dict[str, Any]) -> dict[str, Any]:
    """Split a full name into first and last name, unless the form has fields for these."""
    full = lead.pop(FULL_NAME, None)
    parts = zip(("first_name", "last_name"), split_name(full), strict=True) if full else ()
    return {**{name: part for name, part in parts if part}, **lead}


def _with_settings(lead: dict[str, Any], form: FormDefinition) -> dict[str, Any]:
    settings = form.settings
    lead.setdefault("source", settings["source"] or DEFAULT_FORM_SOURCE)
    if tags := [*lead.get("tags", []), *settings["tags"]]:
        lead["tags"] = tags
    places = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")
    return lead | {name: settings[name] for name in places if settings[name]}  # type: ignore[literal-required]
