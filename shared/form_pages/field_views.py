"""What the templates show of each field. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup

from shared.form_pages.consent_links import link_consent
from shared.form_pages.field_problems import file_type_names, problem_texts
from shared.form_pages.page_messages import PageMessages, fill_text
from shared.form_pages.page_state import FormPageState
from shared.forms.definition import FormDefinition
from shared.forms.field_definition import FormFieldRecord

ID_PREFIX = "lh-"  # of the ids of controls
CHOICE_LIST_TYPES = ("multiselect", "radio", "checkbox")  # types whose options are a list of boxes
HALF_WIDTH_TYPES = ("text", "email", "phone", "number", "date", "url", "select")

# A number is text for the browser: an input of type `number` hides from us what is wrong with it.
INPUT_TYPES = {"text": "text", "email": "email", "phone": "tel", "number": "text", "date": "date", "url": "url"}
INPUT_MODES = {"email": "email", "phone": "tel", "number": "decimal", "url": "url"}
LEFT_TO_RIGHT_TYPES = ("email", "phone", "number", "date", "url")
AUTOCOMPLETE_BY_TARGET = {
    "first_name": "given-name",
    "last_name": "family-name",
    "full_name": "name",
    "email": "email",
    "phone": "tel",
    "company": "organization",
    "job_title": "organization-title",
    "country": "country-name",
}
AUTOCOMPLETE_BY_TYPE = {"email": "email", "phone": "tel", "url": "url"}

TRUE_WORDS = ("1", "true", "on", "yes")

# Ranges such as 6–20 turn round in right-to-left text.
_is_number_range = re.compile(r"[\d\s.,+%€$£–—-]*\d[\d\s.,+%€$£–—-]*").fullmatch


@dataclass(frozen=True)
class OptionView:
    """One option of a choice."""

    id: str
    value: str
    is_chosen: bool
    direction: str  # of its text


@dataclass(frozen=True)
class FieldView:
    """One field, as the templates need it."""

    key: str
    id: str
    type: str
    template: str  # the name of its macro
    label: str
    consent: Markup
    hidden_label: str  # read out before the text of a consent, which is shown without it
    is_required: bool
    is_native_required: bool  # whether the browser itself asks for it
    shows_optional: bool
    placeholder: str
    help: str
    note: str  # limits of a file
    value: str
    is_checked: bool
    options: Sequence[OptionView]
    errors: Sequence[str]
    step: int
    show_if: Markup
    is_prefilled: bool  # the page's URL may fill it
    is_half: bool
    input_type: str
    input_mode: str
    direction: str
    autocomplete: str
    accept: str
    max_size_mb: int

    @property
    def described_by(self) -> str:
        """The ids of the texts that describe the control."""
        parts = (("help", self.help), ("note", self.note), ("error", self.errors))
        return " ".join(f"{self.id}-{name}" for name, text in parts if text)


def field_views(form: FormDefinition, state: FormPageState, messages: PageMessages) -> list[FieldView]:
    """Return the fields of the form in their order, with values and errors."""
    errors = problem_texts(form, state.language, state.errors, state.values)
    halves = _half_width_keys(form.fields)
    return [
        _field_view(
            field, state.values.get(field["key"]), errors.get(field["key"], ()), field["key"] in halves, messages
        )
        for field in form.fields
    ]


def prefill_values(form: FormDefinition, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the values that the page's URL fills in: only of fields that allow it."""
    values: dict[str, Any] = {}
    for field in form.fields:
        sent = query.get(field["key"])
        if field["prefill"] and sent and field["type"] not in ("file", "consent"):
            values[field["key"]] = list(sent) if field["type"] in CHOICE_LIST_TYPES else sent[-1]
    return values


def json_attribute(value: Any) -> Markup:
    """Return JSON for an attribute between single quotes, which is shorter than one with each quote escaped."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;"))  # noqa: S704  # escaped here


def _field_view(
    field: FormFieldRecord, value: Any, errors: Sequence[str], is_half: bool, messages: PageMessages
) -> FieldView:
    kind, id_ = field["type"], f"{ID_PREFIX}{field['key']}"
    shows_consent = kind == "consent" and bool(field["consent_text"])
    text = field["consent_text"] or "" if shows_consent else field["label"]
    is_single_box = _is_single_box(field)
    return FieldView(
        key=field["key"],
        id=id_,
        type=kind,
        template=_template_name(field),
        label=field["label"],
        consent=link_consent(text) if is_single_box else Markup(),
        hidden_label=field["label"] if shows_consent and not text.startswith(field["label"]) else "",
        is_required=field["required"],
        # Without a script a field that depends on others is always shown, and must not stop the form.
        is_native_required=field["required"] and field["show_if"] is None,
        shows_optional=not field["required"] and kind != "hidden" and not is_single_box,
        placeholder=field["placeholder"] or "",
        help=field["help"] or "",
        note=_file_note(field, messages) if kind == "file" else "",
        value=_shown_value(value),
        is_checked=is_single_box and _shown_value(value).strip().lower() in TRUE_WORDS,
        options=list(_option_views(field, value, id_)),
        errors=errors,
        step=field["step"],
        show_if=json_attribute(field["show_if"]) if field["show_if"] else Markup(),
        is_prefilled=field["prefill"],
        is_half=is_half,
        input_type=INPUT_TYPES.get(kind, "text"),
        input_mode=INPUT_MODES.get(kind, ""),
        direction="ltr" if kind in LEFT_TO_RIGHT_TYPES else "auto",
        autocomplete=AUTOCOMPLETE_BY_TARGET.get(field["maps_to"] or "") or AUTOCOMPLETE_BY_TYPE.get(kind, ""),
        accept=",".join(field["accept"]),
        max_size_mb=field["max_size_mb"],
    )


def _is_single_box(field: FormFieldRecord) -> bool:
    return field["type"] == "consent" or (field["type"] == "checkbox" and not field["options"])


def _template_name(field: FormFieldRecord) -> str:
    if _is_single_box(field):
        return "box"
    if field["type"] in CHOICE_LIST_TYPES:
        return "choices"
    return field["type"] if field["type"] in ("textarea", "select", "file", "hidden") else "input"


def _option_views(field: FormFieldRecord, value: Any, id_: str) -> Iterator[OptionView]:
    chosen = {str(each) for each in value} if isinstance(value, list | tuple) else {_shown_value(value)}
    for index, option in enumerate(field["options"]):
        direction = "ltr" if _is_number_range(option) else "auto"
        yield OptionView(id_ if index == 0 else f"{id_}.{index + 1}", option, option in chosen, direction)


def _shown_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return _shown_value(value[-1]) if value else ""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, str | int | float) else ""


def _file_note(field: FormFieldRecord, messages: PageMessages) -> str:
    params = {"max_mb": field["max_size_mb"], "types": file_type_names(messages, field["accept"])}
    return fill_text(messages.texts["file_limit_types" if field["accept"] else "file_limit"], params)


def _half_width_keys(fields: Sequence[FormFieldRecord]) -> set[str]:
    """Return the short fields that stand beside another: pairs of neighbours in one step that are always shown."""
    halves: set[str] = set()
    waiting: FormFieldRecord | None = None
    for field in fields:
        if field["type"] == "hidden":
            continue
        fits = field["type"] in HALF_WIDTH_TYPES and field["show_if"] is None
        if fits and waiting is not None and waiting["step"] == field["step"]:
            halves |= {waiting["key"], field["key"]}
            waiting = None
        else:
            waiting = field if fits else None
    return halves
