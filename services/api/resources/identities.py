"""`/api/v1/identities`: the contacts by which people are recognised."""

from aiohttp import web

from services.api.context import driver_connection, listing
from services.api.request_parsing import workspace_of
from services.api.schemas.workspace import CrowdedContactRecord
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope
from shared.workspace_changes.crowded_contacts import find_crowded


@requires_scope("read:leads")
@responds(list[CrowdedContactRecord])
async def crowded(request: web.Request) -> web.Response:
    """List emails and phones that more than ten unlike names came with, the most crowded first, at most 50.

    Names are unlike if they have no word in common. The newest 20,000 leads and submissions are looked at. What
    `never_join` of the workspace lists is left out.
    """
    async with listing(request) as connection:
        contacts = await find_crowded(await driver_connection(connection), workspace_of(request))
    return json_response({"data": [contact._asdict() for contact in contacts]})
