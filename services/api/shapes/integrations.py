"""Integrations and their types as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from shared.integrations.credentials import Credentials
from shared.integrations.fields import Direction
from shared.integrations.settings import IntegrationSettings, IntegrationSettingsRecord
from shared.integrations.types import TYPES
from shared.validation import Flag, Name, said, text


def _known(name: str) -> str:
    if name not in TYPES:
        raise said(f"The {{field}} field must be one of: {', '.join(TYPES)}.")
    return name


TypeName = Annotated[str, text(50), AfterValidator(_known), Field(json_schema_extra={"enum": list(TYPES)})]


class IntegrationFields(TypedDict, total=False):
    type: TypeName
    name: Name
    is_active: Flag
    settings: IntegrationSettings | None
    credentials: Credentials | None


class IntegrationRecord(TypedDict):
    """Secret credentials are masked, null where not set. Types that only receive have no `webhook_url`."""

    id: int
    type: str
    name: str
    is_active: bool
    settings: IntegrationSettingsRecord
    credentials: dict[str, str | None]
    webhook_url: str | None
    last_received_at: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class CredentialFieldRecord(TypedDict):
    key: str
    label: str
    required: bool
    secret: bool


class IntegrationTypeRecord(TypedDict):
    type: str
    name: str
    direction: Direction
    fields: list[CredentialFieldRecord]
    verification: str
    docs: str
