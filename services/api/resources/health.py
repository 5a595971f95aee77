"""`GET /api/v1/health` of an API that runs alone. In a process with a gateway the gateway responds instead."""

import asyncio
from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy import text

from services.api.context import reading
from shared import __version__
from shared.platform.db.connections import with_deadline
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import public

DATABASE_TIMEOUT_SECONDS = 2.0  # time limit of the query, in seconds
RESULT_TTL_SECONDS = 1.0  # seconds for which a result is reused: the endpoint is public


class DatabaseHealth:
    """The health of the database, checked by one query at a time, however many clients ask."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[None] | None = None
        self._when = 0.0

    async def check_health(self, request: web.Request) -> None:
        """Raise the database's error, or TimeoutError."""
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now - self._when > RESULT_TTL_SECONDS):
            self._asked, self._when = (
                asyncio.ensure_future(with_deadline(DATABASE_TIMEOUT_SECONDS, _query_database(request))),
                now,
            )
        await asyncio.shield(self._asked)


DATABASE_HEALTH = web.AppKey("database", DatabaseHealth)


@public
@responds(None, raw="application/json")
async def show(request: web.Request) -> web.Response:
    """Tell whether reads and edits can be answered. 503 if not."""
    await request.app[DATABASE_HEALTH].check_health(request)
    return json_response(
        {"status": "ok", "version": __version__, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        headers={"Cache-Control": "no-store"},
    )


async def _query_database(request: web.Request) -> None:
    async with reading(request) as connection:
        await connection.execute(text("SELECT FROM workspaces LIMIT 1"))  # also fails without tables
