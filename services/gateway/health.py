"""`GET /api/v1/health`: whether a lead posted now would be stored durably."""

from datetime import UTC, datetime

from aiohttp import web

from services.gateway.shapes import Health
from services.gateway.state import GATEWAY
from shared import __version__
from shared.errors import ServiceUnavailable
from shared.web.access import public
from shared.web.answers import answer
from shared.web.describe import gives

NOBODY = "No worker has reported yet: none was started, or the database has no tables (`leadhub migrate` makes them)."


@public
@gives(Health, envelope=False)
async def health(request: web.Request) -> web.Response:
    """Tell whether leads can be taken durably. 503 if not."""
    gateway = request.app[GATEWAY]
    if not gateway.room.somebody_worked:
        raise ServiceUnavailable(NOBODY)
    if not await gateway.stores.durable():
        raise ServiceUnavailable
    return answer(
        {"status": "ok", "version": __version__, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        headers={"Cache-Control": "no-store"},
    )
