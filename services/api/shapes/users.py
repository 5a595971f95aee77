"""Users as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from shared.leads.contact import Invalid, normalise_email
from shared.validation import Flag, Name, text


def _check_email(value: Any) -> Any:
    try:
        if isinstance(value, str):
            normalise_email(value)
    except Invalid:
        raise PydanticCustomError("email", "no email address") from None
    return value


# Stored as it is written; unique regardless of case.
Email = Annotated[str, BeforeValidator(_check_email), text(255), Field(json_schema_extra={"format": "email"})]
Role = Literal["admin", "manager", "agent", "read_only"]


class UserFields(TypedDict, total=False):
    name: Name
    email: Email
    role: Role
    is_active: Flag


class UserRecord(TypedDict):
    id: int
    name: str
    email: str
    role: Role
    is_active: bool
    created_at: datetime
    updated_at: datetime
