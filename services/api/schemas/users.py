"""Users as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import RequiredName, StrictFlag, is_single_line, text_constraints


def _check_email(value: Any) -> Any:
    try:
        if isinstance(value, str):
            normalise_email(value)
    except InvalidContact:
        raise PydanticCustomError("email", "no email address") from None
    return value


def _check_name(name: str) -> str:
    # As invitations do: names stand in subjects of mails and in logs of other systems.
    if not is_single_line(name):
        raise custom_error("The {field} field must be one line without control characters.")
    return name


UserName = Annotated[RequiredName, AfterValidator(_check_name)]
# Stored as it is written; unique regardless of case.
UserEmail = Annotated[
    str, BeforeValidator(_check_email), text_constraints(255), Field(json_schema_extra={"format": "email"})
]
UserRole = Literal["admin", "manager", "agent", "read_only"]


class UserFields(TypedDict, total=False):
    name: UserName
    email: UserEmail
    role: UserRole
    is_active: StrictFlag


class UserRecord(TypedDict):
    id: int
    name: str
    email: str
    role: UserRole
    is_active: bool
    created_at: datetime
    updated_at: datetime
