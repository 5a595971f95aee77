"""`/api/v1/integrations/{id}/test-event`: send an ad platform an event of a made-up lead."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import TypedDict

from services.api.context import driver_connection, writing
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.resources.deliveries import DELIVERY_RESOURCE
from services.api.schemas.deliveries import DeliveryRecord
from shared.integrations.conversion_settings import (
    CONVERSION_TYPES,
    NO_CONVERSIONS_MESSAGE,
    EventName,
    complete_conversions,
)
from shared.integrations.integration_management import find_integration
from shared.outbound.deliveries import enqueue_deliveries, trial_event_to_platform
from shared.outbound.receivers import allow_attempt
from shared.platform.errors import Conflict
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details
from shared.service_app.authorization import requires_scope

NO_TEST_CODE_MESSAGE = "Set conversions.test_event_code in the settings first: Meta's Events Manager shows the code."
SWITCHED_OFF_MESSAGE = "The integration is switched off: set is_active to true first."


class TrialEventFields(TypedDict, total=False):
    """`event` is the name of the event. Without it the name is `Test`."""

    event: EventName | None


@requires_scope("write:integrations")
@request_body(TrialEventFields, example={"event": "Qualified"})
@responds(DeliveryRecord, status=202, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Send a test event of a made-up lead, for types that send conversions. The delivery tells what came of it.

    Meta shows it under the test events of the dataset, by the code of the settings. Google checks it and keeps nothing.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)
    raise_if_invalid(errors)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        row = await find_integration(database, workspace, id_)
        _expect_testable(row)
        audit_details(request, action="integration.test_event", object=("integration", id_))
        delivery = trial_event_to_platform(workspace, id_, fields.get("event"))
        await allow_attempt(database, workspace, delivery.endpoint)
        ids = await enqueue_deliveries(database, [delivery])
        return await DELIVERY_RESOURCE.find(connection, workspace, ids[delivery.message_id])

    delivery = await writing(request, create_in_transaction)
    return record_response(request, delivery, 202, {"Location": f"/api/v1/deliveries/{delivery['id']}"})


def _expect_testable(row: RecordDict) -> None:
    """Raise Conflict for an integration that cannot send a test event."""
    if row["type"] not in CONVERSION_TYPES:
        raise Conflict(NO_CONVERSIONS_MESSAGE)
    if not row["is_active"]:
        raise Conflict(SWITCHED_OFF_MESSAGE)
    settings = complete_conversions(row["settings"].get("conversions"))
    if row["type"] == "meta_conversions" and not settings["test_event_code"]:
        raise Conflict(NO_TEST_CODE_MESSAGE)
