"""`GET /api/v1/me`: what a key may do."""

from aiohttp import web

from services.api.schemas.me import MeRecord
from shared.audit.agent_calls import MAX_CALLS_PER_MINUTE, AgentCallLimit, read_agent_call
from shared.platform.errors import RateLimited
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.audit import audit_anyway, audit_details
from shared.service_app.authorization import API_KEY, any_key

TOO_MANY_CALLS_MESSAGE = f"A key may call {MAX_CALLS_PER_MINUTE} tools in a minute."

AGENT_CALL_LIMIT = web.AppKey("agent_call_limit", AgentCallLimit)


@any_key
@responds(MeRecord)
async def show(request: web.Request) -> web.Response:
    """Show the key of the request: its workspace, scopes and rate limit."""
    _note_agent_call(request)
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


def _note_agent_call(request: web.Request) -> None:
    """Put the call of a tool into the audit log, if an MCP server tells of one. RateLimited beyond a key's limit.

    Of the calls that are refused in a minute the first one has an entry, so that they do not flood the log.
    """
    call = read_agent_call(request.headers)
    if call is None:
        return
    limit = request.app[AGENT_CALL_LIMIT]
    number = limit.take(request[API_KEY].id)
    if number <= MAX_CALLS_PER_MINUTE + 1:
        audit_anyway(request)
        audit_details(request, action="agent.tool_called", object=("tool", call.tool), after={"client": call.client})
    if number > MAX_CALLS_PER_MINUTE:
        raise RateLimited(TOO_MANY_CALLS_MESSAGE, retry_after=limit.seconds_left())
