"""What the API holds while it lives, and its transactions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.db import Connection, is_contention, make_engine
from shared.settings import Settings
from shared.spool import Spool
from shared.vault import Vault

T = TypeVar("T")

POOL = 8
ROUNDS = 5  # of a transaction that others are in the way of
DEAR = 3  # large lists read at once, so that small ones find a connection
STATEMENT_TIMEOUT = 10.0  # seconds a query may take before it is given up

ENGINE = web.AppKey("engine", AsyncEngine)
REPLICA = web.AppKey("replica", AsyncEngine)  # for lists; the primary where no replica is set
DEAR_LISTS = web.AppKey("dear_lists", asyncio.Semaphore)
SPOOL = web.AppKey("spool", Spool)
SETTINGS = web.AppKey("settings", Settings)
VAULT = web.AppKey("vault", Vault)


def lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """aiohttp's cleanup context."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        app[SETTINGS] = settings
        app[DEAR_LISTS] = asyncio.Semaphore(DEAR)
        app[VAULT] = Vault.from_settings(settings)
        app[ENGINE] = make_engine(settings.database_url, "leadhub api", size=POOL, statement_timeout=STATEMENT_TIMEOUT)
        app[REPLICA] = (
            make_engine(settings.replica_url, "leadhub api", size=POOL, statement_timeout=STATEMENT_TIMEOUT)
            if settings.replica_url
            else app[ENGINE]
        )
        spool = redis.from_url(settings.spool_url, socket_timeout=1, socket_connect_timeout=1)
        app[SPOOL] = Spool(spool)
        yield
        for engine in {app[ENGINE], app[REPLICA]}:
            await engine.dispose()
        await spool.aclose()

    return context


@asynccontextmanager
async def reading(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection for reading one record, or what a write is decided by: always the primary."""
    async with _visit(request.app[ENGINE]) as connection:
        yield connection


@asynccontextmanager
async def listing(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection for reading a list: a replica, which may trail a little, where there is one."""
    async with _visit(request.app[REPLICA]) as connection:
        yield connection


@asynccontextmanager
async def _visit(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Ends by a commit: at a rollback psycopg forgets all prepared statements, which cost more to plan than to run."""
    async with engine.connect() as connection:
        yield connection
        await (await raw(connection)).commit()


async def writing(request: web.Request, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What `work` comes to in one transaction, committed at its end; run again where others were in the way.

    `work` may run several times: it must leave nothing behind but what the transaction takes back.
    """
    for _ in range(ROUNDS):
        try:
            async with request.app[ENGINE].begin() as connection:
                return await work(connection)
        except Exception as error:
            last = error
            if not is_contention(error):
                raise
    raise last


async def raw(connection: AsyncConnection) -> Connection:
    """psycopg's connection under SQLAlchemy's, in the same transaction: what `shared/leads` works on."""
    return cast("Connection", (await connection.get_raw_connection()).driver_connection)
