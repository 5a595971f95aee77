"""API keys as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, Strict
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict

from shared.auth.key_format import ALL_SCOPES
from shared.platform.validation.types import RequiredName, UtcTime, text_constraints


def _check_scope(value: str) -> str:
    if value not in ALL_SCOPES:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(sorted(ALL_SCOPES))})
    return value


KeyScope = Annotated[
    str, text_constraints(50), AfterValidator(_check_scope), Field(json_schema_extra={"enum": sorted(ALL_SCOPES)})
]
HourlyLimit = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, description="Requests an hour; null: unlimited.")]


class ApiKeyFields(TypedDict, total=False):
    name: RequiredName
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=100)]
    rate_limit: HourlyLimit | None
    expires_at: UtcTime | None


class ApiKeyRecord(TypedDict):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    rate_limit: int | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class NewApiKeyRecord(ApiKeyRecord):
    key: str
