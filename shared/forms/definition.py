"""Define forms: their fields, their settings, and the rules for both. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Required, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.errors import FieldErrors
from shared.leads.inbound import EmailAddress
from shared.leads.merge import MergePolicy
from shared.validation.messages import custom_error
from shared.validation.types import RecordId, StrictFlag, Text255, is_url, text_constraints

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

DEFAULT_FORM_SOURCE = "form"

_LANGUAGE_PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
_ORIGIN_PATTERN = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-f:.]+\](?::\d{1,5})?").fullmatch
_PATH_PATTERN = re.compile(r"/(?![/\\])[^\s\\]*").fullmatch


def _blank_is_null(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _check_target(target: str) -> str:
    custom = target.startswith(CUSTOM_PREFIX) and 0 < len(target) - len(CUSTOM_PREFIX) <= 100
    if not (custom or target in MAPPABLE_LEAD_FIELDS or target == FULL_NAME):
        raise custom_error(
            f"The {{field}} field must be one of: {', '.join(MAPPABLE_LEAD_FIELDS)}, {FULL_NAME}, {CUSTOM_PREFIX}<key>."
        )
    return target


def _check_redirect(address: str) -> str:
    if not (is_url(address) or _PATH_PATTERN(address)):
        raise custom_error("The {field} field must be an http or https URL, or a path that starts with a slash.")
    return address


def _check_origin(origin: str) -> str:
    origin = origin.lower()
    if not _ORIGIN_PATTERN(origin):
        raise custom_error("The {field} field must be an origin such as https://www.example.com.")
    return origin


BlankAsNull = Annotated[T | None, BeforeValidator(_blank_is_null)]

FieldKey = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
FieldOption = Annotated[str, text_constraints(255, min_length=1)]
MappingTarget = Annotated[str, text_constraints(len(CUSTOM_PREFIX) + 100), AfterValidator(_check_target)]
RedirectUrl = Annotated[str, text_constraints(2048), AfterValidator(_check_redirect)]
AllowedOrigin = Annotated[str, text_constraints(255), AfterValidator(_check_origin)]
TagNameText = Annotated[str, text_constraints(100, min_length=1)]
SuccessMessage = Annotated[str, text_constraints(2000)]
LanguageTag = Annotated[str, StringConstraints(strict=True, max_length=35, pattern=_LANGUAGE_PATTERN)]


class FormField(TypedDict, total=False):
    """One field of a form, as it is sent. Unknown members are ignored."""

    key: Required[FieldKey]
    label: BlankAsNull[Text255]
    type: Required[FieldType]
    required: StrictFlag | None
    options: Annotated[list[FieldOption], Strict(), Field(max_length=500)] | None
    maps_to: BlankAsNull[MappingTarget]
    placeholder: BlankAsNull[Text255]


class FormSettings(TypedDict, total=False):
    """What becomes of a submission, as it is sent. Null sets a member back to its default.

    `notify_emails`: who gets a mail of what was filled in, for each submission, once it was ingested.
    """

    redirect_url: BlankAsNull[RedirectUrl]
    success_message: BlankAsNull[SuccessMessage]
    source: BlankAsNull[Text255]
    tags: Annotated[list[TagNameText], Strict(), Field(max_length=100)] | None
    pipeline_id: RecordId | None
    pipeline_stage_id: RecordId | None
    assigned_user_id: RecordId | None
    allowed_origins: Annotated[list[AllowedOrigin], Strict(), Field(max_length=100)] | None
    notify_emails: Annotated[list[EmailAddress], Strict(), Field(max_length=20)] | None
    merge_policy: BlankAsNull[MergePolicy]
    language: BlankAsNull[LanguageTag]


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


class FormSettingsRecord(TypedDict):
    """All settings of a form. A source of null is `form`, a policy of null the workspace's, no origins: any."""

    redirect_url: str | None
    success_message: str | None
    source: str | None
    tags: list[str]
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    allowed_origins: list[str]
    notify_emails: list[str]
    merge_policy: MergePolicy | None
    language: str | None


LIST_SETTINGS = ("tags", "allowed_origins", "notify_emails")


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """A form with its fields and settings, as needed to check a submission."""

    id: int
    workspace_id: int
    is_active: bool
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord


def complete_fields(fields: list[dict[str, Any]] | None) -> list[FormFieldRecord]:
    """Return checked fields with all their members. The label of a field is its key by default."""
    return [
        {
            "key": field["key"],
            "label": field.get("label") or field["key"],
            "type": field["type"],
            "required": bool(field.get("required")),
            "options": field.get("options") or [],
            "maps_to": field.get("maps_to"),
            "placeholder": field.get("placeholder"),
        }
        for field in fields or []
    ]


def complete_settings(settings: Mapping[str, Any]) -> FormSettingsRecord:
    """Return stored settings, with defaults for those that are not set."""
    defaults: dict[str, Any] = {
        name: [] if name in LIST_SETTINGS else None for name in FormSettingsRecord.__annotations__
    }
    return {**defaults, **settings}  # type: ignore[typeddict-item]


def merge_settings(stored: Mapping[str, Any], sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings to store after a change. A null value removes a setting; None in place of all removes all."""
    merged = {} if sent is None else {**stored, **sent}
    return {name: value for name, value in merged.items() if value is not None}


def find_contradictions(fields: Any) -> FieldErrors:
    """Return errors about combinations of members and fields, by dotted name.

    Takes the fields as sent and unchecked, so that the caller gets these errors along with those of single members.
    """
    errors: FieldErrors = {}
    seen: set[tuple[str, str]] = set()
    for index, field in enumerate(fields if isinstance(fields, list) else []):
        if isinstance(field, dict):
            for member, problem in _field_contradictions(field, seen):
                errors.setdefault(f"fields.{index}.{member}", []).append(f"The fields.{index}.{member} field {problem}")
    return errors


def _field_contradictions(field: dict[str, Any], seen: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    key, kind, target, options = (field.get(name) for name in ("key", "type", "maps_to", "options"))
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


def _is_not_text(kind: Any, options: Any) -> bool:
    """Return whether the value of a field is a yes or no, or a file."""
    return kind in ("consent", "file") or (kind == "checkbox" and not options)
