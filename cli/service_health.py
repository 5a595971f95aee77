"""Whether a process should be sent requests (`/api/v1/ready`), and whether it can answer them (`/api/v1/health`).

A gateway has a health check of its own: it takes leads without a database, too.
"""

import asyncio
from datetime import UTC, datetime

from aiohttp import web
from psycopg_pool import AsyncConnectionPool

from shared import __version__
from shared.platform.db.connections import with_deadline
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.app import KEY_POOL, mount_routes
from shared.service_app.authorization import public
from shared.service_app.stop_notice import STOP_NOTICE

HEALTH_PATH, READY_PATH = "/api/v1/health", "/api/v1/ready"
DATABASE_TIMEOUT_SECONDS = 2.0  # time limit of the query, in seconds
RESULT_TTL_SECONDS = 1.0  # seconds for which a result is reused: the endpoint is public


class DatabaseHealth:
    """The health of the database, checked by one query at a time, however many clients ask."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[None] | None = None
        self._when = 0.0

    async def check_health(self, pool: AsyncConnectionPool) -> None:
        """Raise the database's error, or TimeoutError."""
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now - self._when > RESULT_TTL_SECONDS):
            query = with_deadline(DATABASE_TIMEOUT_SECONDS, _query_database(pool))
            self._asked, self._when = asyncio.ensure_future(query), now
        await asyncio.shield(self._asked)


DATABASE_HEALTH = web.AppKey("database", DatabaseHealth)


def mount_health(app: web.Application) -> None:
    """Add the health check of a service that runs alone. The document leaves it out: it describes the gateway's."""
    app[DATABASE_HEALTH] = DatabaseHealth()
    mount_routes(app, [web.get(HEALTH_PATH, show_health)])


def mount_readiness(app: web.Application) -> None:
    """Add what a proxy asks each second. It is about one process, and no part of the API."""
    mount_routes(app, [web.get(READY_PATH, show_readiness)])


@public
@responds(None, raw="application/json")
async def show_readiness(request: web.Request) -> web.Response:
    """Tell whether a proxy should send requests here: 503 once the process was told to stop.

    It is 200 while the database is away. All processes would be taken out at once, and their answers say what is wrong.
    """
    request.app[STOP_NOTICE].check_not_given()
    return json_response({"status": "ready"}, headers={"Cache-Control": "no-store"})


@public
@responds(None, raw="application/json")
async def show_health(request: web.Request) -> web.Response:
    """Tell whether requests can be answered. 503 if not, and once the process was told to stop."""
    request.app[STOP_NOTICE].check_not_given()
    await request.app[DATABASE_HEALTH].check_health(request.app[KEY_POOL])
    return json_response(
        {"status": "ok", "version": __version__, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        headers={"Cache-Control": "no-store"},
    )


async def _query_database(pool: AsyncConnectionPool) -> None:
    async with pool.connection() as connection:
        await connection.execute("SELECT FROM workspaces LIMIT 1")  # also fails without tables
