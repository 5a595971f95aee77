"""The lead fields that conditions, triggers and actions can name."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticCustomError

from shared.validation import Flag, Name, Text100, Text255, said

CUSTOM = "custom_fields."
Status = Literal["new", "contacted", "qualified", "converted", "lost"]

READABLE = frozenset(
    (
        "id first_name last_name email phone company job_title country source status lead_score starred pipeline_id "
        "pipeline_stage_id assigned_user_id notes tags possible_duplicate_of created_at updated_at"
    ).split()
)

Notes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=10_000)]

# Fields that an action may set. Email and phone are missing, since they identify one person and an automation must not
# give many leads the same value. Stage, assignee, score and tags have their own actions.
WRITABLE: dict[str, TypeAdapter[Any]] = {
    "first_name": TypeAdapter(Name),  # a lead may be created without a name, but a name cannot be cleared
    **{name: TypeAdapter(Text255 | None) for name in ("last_name", "company", "job_title", "source")},
    "country": TypeAdapter(Text100 | None),
    "notes": TypeAdapter(Notes | None),
    "starred": TypeAdapter(Flag),
    "status": TypeAdapter(Status),
}


def custom_key(field: str) -> str | None:
    """Return the key of a custom field, or None if the name is not `custom_fields.<key>`."""
    key = field.removeprefix(CUSTOM)
    return key if field.startswith(CUSTOM) and 1 <= len(key) <= 100 else None


def value_of(lead: Mapping[str, Any], field: str) -> Any:
    """Return the value of a lead's field, or None if it has none."""
    key = custom_key(field)
    return lead.get(field) if key is None else (lead.get("custom_fields") or {}).get(key)


def _readable(field: str) -> str:
    if field not in READABLE and custom_key(field) is None:
        raise said("The {field} field must be the name of a lead's field, tags, or custom_fields.<key>.")
    return field


def _writable(field: str) -> str:
    if field not in WRITABLE and custom_key(field) is None:
        raise said(f"The {{field}} field must be one of: {', '.join(WRITABLE)}, custom_fields.<key>.")
    return field


def check_written(field: str, value: Any) -> Any:
    """Validate a value for a field, and return it. Raises a pydantic error."""
    if field in WRITABLE:
        return WRITABLE[field].validate_python(value)
    if isinstance(value, str) and len(value) > 10_000:
        raise PydanticCustomError("string_too_long", "too long", {"max_length": 10_000})
    if isinstance(value, dict | list):
        raise said("The {field} field must be text, a number, true, false or null.")
    return value


_Name = Annotated[str, StringConstraints(strict=True, max_length=120)]
ReadableField = Annotated[_Name, AfterValidator(_readable), Field(description="A lead's field or custom_fields.<key>")]
WritableField = Annotated[_Name, AfterValidator(_writable), Field(description="A lead's field or custom_fields.<key>")]
