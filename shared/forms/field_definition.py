"""Define the fields of forms, and the rules for them. Pure."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Required, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.automations.conditions import ValueCondition, find_comparisons, foreign_values
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import StrictFlag, Text255, text_constraints

T = TypeVar("T")

FieldType = Literal[
    "text",
    "textarea",
    "email",
    "phone",
    "number",
    "date",
    "url",
    "select",
    "multiselect",
    "radio",
    "checkbox",
    "file",
    "hidden",
    "consent",
]
CHOICE_TYPES = ("select", "multiselect", "radio")  # and a checkbox that has options

# Only fields that describe the person or the visit. A visitor must not choose pipeline, stage, assignee and star: these
# are settings of the form.
MAPPABLE_LEAD_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "job_title",
    "country",
    "source",
    "status",
    "notes",
    "tags",
)
FULL_NAME = "full_name"
CUSTOM_PREFIX = "custom_fields."
SHARED_TARGETS = ("notes", "tags")  # several fields may be mapped to these: their values add up

MAX_FORM_STEPS = 20
MAX_FILE_MB = 10  # of one file
MAX_TOLD_OPTIONS = 3  # that an error names

# A file's ending, a media type, or a family of them, as in HTML's `accept`.
_ACCEPT_PATTERN = r"^(\.[A-Za-z0-9]{1,10}|[a-z]+/[A-Za-z0-9.+-]+|(image|audio|video|text)/\*)$"


def _blank_is_null(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _check_target(target: str) -> str:
    custom = target.startswith(CUSTOM_PREFIX) and 0 < len(target) - len(CUSTOM_PREFIX) <= 100
    if not (custom or target in MAPPABLE_LEAD_FIELDS or target == FULL_NAME):
        raise custom_error(
            f"The {{field}} field must be one of: {', '.join(MAPPABLE_LEAD_FIELDS)}, {FULL_NAME}, {CUSTOM_PREFIX}<key>."
        )
    return target


BlankAsNull = Annotated[T | None, BeforeValidator(_blank_is_null)]

# A leading underscore is left to the hidden inputs of the page.
FieldKey = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
FieldOption = Annotated[str, text_constraints(255, min_length=1)]
MappingTarget = Annotated[str, text_constraints(len(CUSTOM_PREFIX) + 100), AfterValidator(_check_target)]
HelpText = Annotated[str, text_constraints(500)]
ConsentText = Annotated[str, text_constraints(2000)]
AcceptedType = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, pattern=_ACCEPT_PATTERN)]


class FormField(TypedDict, total=False):
    """One field of a form, as it is sent. Unknown members are ignored.

    `step`: the page of a longer form, from 1. `show_if`: a condition over the keys of earlier fields; a field that is
    not shown is not required, and its value is ignored. `prefill`: the page's URL may fill it. `consent_text`: the
    wording of a consent, with links as `[text](https://…)`; it is kept with each consent. `accept`, `max_size_mb`: the
    types and the size of files.
    """

    key: Required[FieldKey]
    label: BlankAsNull[Text255]
    type: Required[FieldType]
    required: StrictFlag | None
    options: Annotated[list[FieldOption], Strict(), Field(max_length=500)] | None
    maps_to: BlankAsNull[MappingTarget]
    placeholder: BlankAsNull[Text255]
    help: BlankAsNull[HelpText]
    step: Annotated[int, Strict(), Field(ge=1, le=MAX_FORM_STEPS)] | None
    show_if: ValueCondition | None
    prefill: StrictFlag | None
    consent_text: BlankAsNull[ConsentText]
    accept: Annotated[list[AcceptedType], Strict(), Field(max_length=50)] | None
    max_size_mb: Annotated[int, Strict(), Field(ge=1, le=MAX_FILE_MB)] | None


FormFields = Annotated[list[FormField], Strict(), Field(max_length=200)]


class FormFieldRecord(TypedDict):
    """One field of a form, as it is kept and shown."""

    key: str
    label: str
    type: FieldType
    required: bool
    options: list[str]
    maps_to: str | None
    placeholder: str | None
    help: str | None
    step: int
    show_if: dict[str, Any] | None
    prefill: bool
    consent_text: str | None
    accept: list[str]
    max_size_mb: int


def complete_fields(fields: list[dict[str, Any]] | None) -> list[FormFieldRecord]:
    """Return checked or stored fields with all their members. The label of a field is its key by default."""
    return [
        {
            "key": field["key"],
            "label": field.get("label") or field["key"],
            "type": field["type"],
            "required": bool(field.get("required")),
            "options": field.get("options") or [],
            "maps_to": field.get("maps_to"),
            "placeholder": field.get("placeholder"),
            "help": field.get("help"),
            "step": field.get("step") or 1,
            "show_if": field.get("show_if"),
            "prefill": bool(field.get("prefill")),
            "consent_text": field.get("consent_text"),
            "accept": field.get("accept") or [],
            "max_size_mb": field.get("max_size_mb") or MAX_FILE_MB,
        }
        for field in fields or []
    ]


def find_contradictions(fields: Any) -> FieldErrors:
    """Return errors about combinations of members and fields, by dotted name.

    Takes the fields as sent and unchecked, so that the caller gets these errors along with those of single members.
    """
    errors: FieldErrors = {}
    seen: set[tuple[str, str]] = set()
    answers_by_key: dict[str, list[Any]] = {}
    for index, field in enumerate(fields if isinstance(fields, list) else []):
        if isinstance(field, dict):
            problems = [*_field_contradictions(field, seen), *_unknown_options(field, answers_by_key)]
            for member, problem in problems:
                errors.setdefault(f"fields.{index}.{member}", []).append(f"The fields.{index}.{member} field {problem}")
    return errors


def _field_contradictions(field: dict[str, Any], seen: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    key, kind, target, options = (field.get(name) for name in ("key", "type", "maps_to", "options"))
    # Only earlier fields, so that no two fields can wait for each other.
    named = [comparison["field"] for comparison in find_comparisons(field.get("show_if"))]
    if unknown := [name for name in named if ("key", name) not in seen]:
        yield "show_if", f"names fields that do not come before it: {', '.join(unknown)}."
    if isinstance(key, str):
        if ("key", key) in seen:
            yield "key", "must be unique in the form."
        seen.add(("key", key))
    if isinstance(target, str) and target.strip() and target not in SHARED_TARGETS:
        if ("target", target) in seen:
            yield "maps_to", "names what another field is mapped to already."
        seen.add(("target", target))
    if kind in CHOICE_TYPES and not options:
        yield "options", f"is required for a {kind}."
    if isinstance(options, list) and len(set(map(str, options))) < len(options):
        yield "options", "must not hold an option twice."
    if (
        _is_not_text(kind, options)
        and isinstance(target, str)
        and target.strip()
        and not target.startswith(CUSTOM_PREFIX)
    ):
        yield "maps_to", f"of a {kind} must be a custom field: {CUSTOM_PREFIX}<key>."


def _unknown_options(field: dict[str, Any], answers_by_key: dict[str, list[Any]]) -> Iterator[tuple[str, str]]:
    """Yield what a condition asks for and the field that it names does not offer. Notes what this field offers."""
    for comparison in find_comparisons(field.get("show_if")):
        answers = answers_by_key.get(comparison["field"])
        if answers and (foreign := foreign_values(comparison, answers)):
            told = ", ".join(map(str, foreign[:MAX_TOLD_OPTIONS]))
            yield "show_if", f"asks for what {comparison['field']} does not offer: {told}."
    key, kind, options = (field.get(name) for name in ("key", "type", "options"))
    if isinstance(key, str):
        offered = options if kind in (*CHOICE_TYPES, "checkbox") and isinstance(options, list) else []
        takes_several = kind in ("multiselect", "checkbox")
        answers_by_key[key] = [[one] if takes_several else one for one in map(str, offered)]


def _is_not_text(kind: Any, options: Any) -> bool:
    """Return whether the value of a field is a yes or no, or a file."""
    return kind in ("consent", "file") or (kind == "checkbox" and not options)
