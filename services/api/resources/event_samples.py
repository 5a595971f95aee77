"""`/api/v1/webhooks/samples`: what a receiver will get."""

from aiohttp import web

from services.api.context import driver_connection, reading
from services.api.event_sampling import sample_events
from services.api.request_parsing import query_of, workspace_of
from services.api.schemas.events import EventSamples, SampleQuery
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scopes


@requires_scopes("read:integrations", "read:leads")
@query_params(SampleQuery, required=("event",))
@responds(EventSamples, envelope=False)
async def index(request: web.Request) -> web.Response:
    """Show up to three of the newest events of a type, as a webhook would tell them.

    Where there is none, it is one of a made-up lead, with `"test": true` and ids of 0. Nothing is sent, and no
    subscription is needed.
    """
    event = query_of(request)["event"]
    async with reading(request) as connection:
        samples = await sample_events(await driver_connection(connection), workspace_of(request), event)
    return json_response({"data": samples})
