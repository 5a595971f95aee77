"""`/api/v1/retention`: for how long a workspace keeps what."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, reading, writing
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.person_data import RetentionRecord
from shared.platform.web.openapi import request_body, responds
from shared.retention import RetentionFields, RetentionSettings, change_retention, read_retention
from shared.service_app.authorization import requires_scope


@requires_scope("*")
@responds(RetentionRecord)
async def show(request: web.Request) -> web.Response:
    """Show for how many days submissions, held ones, timelines and attempts are kept."""
    async with reading(request) as connection:
        found = await read_retention(await driver_connection(connection), workspace_of(request))
    return _record(request, found)


@requires_scope("*")
@request_body(RetentionFields, example={"held_days": 30})
@responds(RetentionRecord)
async def update(request: web.Request) -> web.Response:
    """Change for how many days what is kept. Only the kinds that are sent change; null is as the installation keeps it.

    Older rows are deleted within the hour and cannot be brought back. Leads stay.
    """
    fields, days = await body_of(request), request.app[SETTINGS_KEY].keep_days

    async def change_in_transaction(connection: AsyncConnection) -> RetentionSettings:
        return await change_retention(await driver_connection(connection), workspace_of(request), fields, days)

    return _record(request, await writing(request, change_in_transaction))


def _record(request: web.Request, found: RetentionSettings) -> web.Response:
    return record_response(request, {**found, "installation_days": request.app[SETTINGS_KEY].keep_days})
