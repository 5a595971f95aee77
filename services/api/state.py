"""What the API holds while it lives."""

from collections.abc import AsyncIterator, Callable

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import make_engine
from shared.settings import Settings
from shared.spool import Spool

POOL = 8
STATEMENT_TIMEOUT = 10.0  # seconds a query may take before it is given up

ENGINE = web.AppKey("engine", AsyncEngine)
SPOOL = web.AppKey("spool", Spool)
SETTINGS = web.AppKey("settings", Settings)


def lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """aiohttp's cleanup context."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        app[SETTINGS] = settings
        app[ENGINE] = make_engine(settings.database_url, "leadhub api", size=POOL, statement_timeout=STATEMENT_TIMEOUT)
        spool = redis.from_url(settings.spool_url, socket_timeout=1, socket_connect_timeout=1)
        app[SPOOL] = Spool(spool)
        yield
        await app[ENGINE].dispose()
        await spool.aclose()

    return context
