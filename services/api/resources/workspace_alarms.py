"""`/api/v1/workspace/alarm-test`: an alarm on trial."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, writing
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.workspace import AlarmTrialFields, AlarmTrialRecord
from shared.outbound.alarm_trials import send_alarm_trial
from shared.platform.web.openapi import request_body, responds
from shared.service_app.authorization import requires_scope


@requires_scope("*")
@request_body(AlarmTrialFields, required=("alarm",), example={"alarm": "dead_letters"})
@responds(AlarmTrialRecord, status=202, other_statuses=(409,))
async def send(request: web.Request) -> web.Response:
    """Send an alarm as a test to whoever is told of it. Its subject and its first line say so.

    It is a conflict if nobody is told, or without a mail server. A workspace may send one every 20 seconds, and 10 an
    hour; beyond it, 429.
    """
    fields, workspace_id, settings = await body_of(request), workspace_of(request), request.app[SETTINGS_KEY]
    code = fields["alarm"]

    async def send_in_transaction(connection: AsyncConnection) -> int:
        return await send_alarm_trial(await driver_connection(connection), settings, workspace_id, code)

    readers = await writing(request, send_in_transaction)
    return record_response(request, {"alarm": code, "readers": readers}, 202)
