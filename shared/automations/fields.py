"""The lead fields that conditions, triggers and actions can name."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticCustomError

from shared.leads.lead_status import LeadStatus
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import RequiredName, StrictFlag, Text100, Text255

CUSTOM_FIELD_PREFIX = "custom_fields."

READABLE_FIELDS = frozenset(
    (
        "id first_name last_name email email_as_given phone company job_title country source status lead_score starred "
        "pipeline_id pipeline_stage_id assigned_user_id notes tags possible_duplicate_of created_at updated_at"
    ).split()
)

NotesText = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=10_000)]

# Fields that an action may set. Email and phone are missing, since they identify one person and an automation must not
# give many leads the same value. Stage, assignee, score and tags have their own actions.
WRITABLE_FIELDS: dict[str, TypeAdapter[Any]] = {
    "first_name": TypeAdapter(RequiredName),  # a lead may be created without a name, but a name cannot be cleared
    **{name: TypeAdapter(Text255 | None) for name in ("last_name", "company", "job_title", "source")},
    "country": TypeAdapter(Text100 | None),
    "notes": TypeAdapter(NotesText | None),
    "starred": TypeAdapter(StrictFlag),
    "status": TypeAdapter(LeadStatus),
}


def custom_key(field: str) -> str | None:
    """Return the key of a custom field, or None if the name is not `custom_fields.<key>`."""
    key = field.removeprefix(CUSTOM_FIELD_PREFIX)
    return key if field.startswith(CUSTOM_FIELD_PREFIX) and 1 <= len(key) <= 100 else None


def field_value(lead: Mapping[str, Any], field: str) -> Any:
    """Return the value of a lead's field, or None if it has none."""
    key = custom_key(field)
    return lead.get(field) if key is None else (lead.get("custom_fields") or {}).get(key)


def _check_readable(field: str) -> str:
    if field not in READABLE_FIELDS and custom_key(field) is None:
        raise custom_error("The {field} field must be the name of a lead's field, tags, or custom_fields.<key>.")
    return field


def _check_writable(field: str) -> str:
    if field not in WRITABLE_FIELDS and custom_key(field) is None:
        raise custom_error(f"The {{field}} field must be one of: {', '.join(WRITABLE_FIELDS)}, custom_fields.<key>.")
    return field


def check_field_value(field: str, value: Any) -> Any:
    """Validate a value for a field, and return it. Raises a pydantic error."""
    if field in WRITABLE_FIELDS:
        return WRITABLE_FIELDS[field].validate_python(value)
    if isinstance(value, str) and len(value) > 10_000:
        raise PydanticCustomError("string_too_long", "too long", {"max_length": 10_000})
    if isinstance(value, dict | list):
        raise custom_error("The {field} field must be text, a number, true, false or null.")
    return value


_FieldName = Annotated[str, StringConstraints(strict=True, max_length=120)]
ReadableField = Annotated[
    _FieldName, AfterValidator(_check_readable), Field(description="A lead's field or custom_fields.<key>")
]
WritableField = Annotated[
    _FieldName, AfterValidator(_check_writable), Field(description="A lead's field or custom_fields.<key>")
]
