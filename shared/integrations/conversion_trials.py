"""Test events: an ad platform is sent an event of a made-up lead."""

from collections.abc import Mapping
from typing import Any

from shared.integrations.conversion_settings import (
    CONVERSION_TYPES,
    NO_CONVERSIONS_MESSAGE,
    complete_conversions,
)
from shared.integrations.integration_management import find_integration
from shared.outbound.deliveries import enqueue_deliveries, trial_event_to_platform
from shared.outbound.receivers import allow_attempt
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict

NO_TEST_CODE_MESSAGE = "Set conversions.test_event_code in the settings first: Meta's Events Manager shows the code."
SWITCHED_OFF_MESSAGE = "The integration is switched off: set is_active to true first."


def needs_test_code(row: Mapping[str, Any]) -> bool:
    """Return whether an integration lacks the code without which its platform takes no test events."""
    settings = complete_conversions(row["settings"].get("conversions"))
    return row["type"] == "meta_conversions" and not settings["test_event_code"]


async def send_trial_event(connection: Connection, workspace_id: int, integration_id: int, event: str | None) -> int:
    """Send a test event in the caller's transaction, and return the id of its delivery.

    Without `event` its name is `Test`. Raises NotFound, and Conflict for an integration that cannot send one.
    """
    row = await find_integration(connection, workspace_id, integration_id)
    if row["type"] not in CONVERSION_TYPES:
        raise Conflict(NO_CONVERSIONS_MESSAGE)
    if not row["is_active"]:
        raise Conflict(SWITCHED_OFF_MESSAGE)
    if needs_test_code(row):
        raise Conflict(NO_TEST_CODE_MESSAGE)
    delivery = trial_event_to_platform(workspace_id, integration_id, event)
    await allow_attempt(connection, workspace_id, delivery.endpoint)
    return (await enqueue_deliveries(connection, [delivery]))[delivery.message_id]
