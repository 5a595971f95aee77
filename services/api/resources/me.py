"""`GET /api/v1/me`: what a key may do."""

from aiohttp import web

from shared.keys import Key
from shared.web.access import KEY, any_key
from shared.web.answers import answer


@any_key
async def show(request: web.Request) -> web.Response:
    key: Key = request[KEY]
    return answer(
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
