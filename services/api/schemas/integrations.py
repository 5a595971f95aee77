"""Integrations and their types as they are sent and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.credentials import CredentialTexts
from shared.integrations.integration_type import FlowDirection
from shared.integrations.mapping_settings import IntegrationSettings, IntegrationSettingsRecord
from shared.validation.messages import custom_error
from shared.validation.types import RequiredName, StrictFlag, text_constraints


def _check_type(name: str) -> str:
    if name not in INTEGRATION_TYPES:
        raise custom_error(f"The {{field}} field must be one of: {', '.join(INTEGRATION_TYPES)}.")
    return name


IntegrationTypeName = Annotated[
    str, text_constraints(50), AfterValidator(_check_type), Field(json_schema_extra={"enum": list(INTEGRATION_TYPES)})
]


class IntegrationFields(TypedDict, total=False):
    type: IntegrationTypeName
    name: RequiredName
    is_active: StrictFlag
    settings: IntegrationSettings | None
    credentials: CredentialTexts | None


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
    direction: FlowDirection
    fields: list[CredentialFieldRecord]
    verification: str
    docs: str
