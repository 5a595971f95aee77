"""`GET /api/v1/health`: whether a lead posted now would be stored durably."""

from datetime import UTC, datetime

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.schemas import Health
from shared import __version__
from shared.platform.errors import ServiceUnavailable
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import public
from shared.service_app.stop_notice import STOP_NOTICE

NO_WORKER_MESSAGE = (
    "No worker has reported yet: none was started, or the database has no tables (`leadhub migrate` makes them)."
)


@public
@responds(Health, envelope=False)
async def health(request: web.Request) -> web.Response:
    """Tell whether leads can be taken durably. 503 if not, and once the process was told to stop."""
    request.app[STOP_NOTICE].check_not_given()
    gateway = request.app[GATEWAY_CONTEXT]
    if not gateway.waiters.has_seen_worker:
        raise ServiceUnavailable(NO_WORKER_MESSAGE)
    if not await gateway.store.can_store():
        raise ServiceUnavailable
    return json_response(
        {"status": "ok", "version": __version__, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        headers={"Cache-Control": "no-store"},
    )
