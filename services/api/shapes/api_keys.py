"""API keys as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, Strict
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict

from shared.security import SCOPES
from shared.validation import Name, Time, text


def _check_scope(value: str) -> str:
    if value not in SCOPES:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(sorted(SCOPES))})
    return value


Scope = Annotated[str, text(50), AfterValidator(_check_scope), Field(json_schema_extra={"enum": sorted(SCOPES)})]
Limit = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, description="Requests an hour; null: unlimited.")]


class ApiKeyFields(TypedDict, total=False):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=100)]
    rate_limit: Limit | None
    expires_at: Time | None


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
