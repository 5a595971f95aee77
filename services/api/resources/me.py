"""`GET /api/v1/me`: what a key may do."""

from aiohttp import web

from services.api.schemas.me import MeRecord
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import API_KEY, any_key


@any_key
@responds(MeRecord)
async def show(request: web.Request) -> web.Response:
    """Show the key of the request: its workspace, scopes and rate limit."""
    key = request[API_KEY]
    return json_response(
        {
            "data": {
                "id": key.id,
                "name": key.name,
                "scopes": sorted(key.scopes),
                "rate_limit": key.limit,
                "expires_at": key.expires_at,
                "workspace": {"id": key.workspace_id, "slug": key.workspace_slug, "name": key.workspace_name},
            }
        }
    )
