"""`GET /api/v1/health` of an API that runs alone. In a process with a gateway the gateway responds instead."""

import asyncio
from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy import text

from services.api.state import reading
from shared import __version__
from shared.db import within
from shared.web.access import public
from shared.web.answers import answer
from shared.web.describe import gives

PATIENCE = 2.0  # time limit of the query, in seconds
FRESH = 1.0  # seconds for which a result is reused: the endpoint is public


class Database:
    """The health of the database, checked by one query at a time, however many clients ask."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[None] | None = None
        self._when = 0.0

    async def check(self, request: web.Request) -> None:
        """Raise the database's error, or TimeoutError."""
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now - self._when > FRESH):
            self._asked, self._when = asyncio.ensure_future(within(PATIENCE, _ask(request))), now
        await asyncio.shield(self._asked)


DATABASE = web.AppKey("database", Database)


@public
@gives(None, raw="application/json")
async def show(request: web.Request) -> web.Response:
    """Tell whether reads and edits can be answered. 503 if not."""
    await request.app[DATABASE].check(request)
    return answer(
        {"status": "ok", "version": __version__, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        headers={"Cache-Control": "no-store"},
    )


async def _ask(request: web.Request) -> None:
    async with reading(request) as connection:
        await connection.execute(text("SELECT FROM workspaces LIMIT 1"))  # also fails without tables
