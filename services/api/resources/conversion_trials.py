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
from shared.integrations.conversion_settings import EventName
from shared.integrations.conversion_trials import send_trial_event
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details
from shared.service_app.authorization import requires_scope


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
    audit_details(request, action="integration.test_event", object=("integration", id_))

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        delivery_id = await send_trial_event(database, workspace, id_, fields.get("event"))
        return await DELIVERY_RESOURCE.find(connection, workspace, delivery_id)

    delivery = await writing(request, create_in_transaction)
    return record_response(request, delivery, 202, {"Location": f"/api/v1/deliveries/{delivery['id']}"})
