"""Integrations and their types as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict

from shared.integrations.integration_type import FlowDirection
from shared.integrations.mapping_settings import IntegrationSettingsRecord


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
