"""The API's resources during its lifetime, and its transactions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar, cast

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.api.engine import make_engine
from services.api.turns import Turns
from shared.contention import retry_contended
from shared.db import Connection
from shared.settings import Settings
from shared.spool import Spool
from shared.vault import Vault
from shared.web.access import KEY

T = TypeVar("T")

POOL = 8
EACH = 4  # connections of one workspace at once
WRITERS, WRITERS_EACH = 6, 3  # connections for writes, which may wait for each other; the rest stays free for reads
BUSY = "Too many requests wait for the database just now. Send the request again in a moment."
ROUNDS = 5  # tries of a transaction under contention
DEAR, DEAR_EACH = 3, 2  # large lists at once, so that small ones find a connection
REPLAYS, REPLAYS_EACH = 2, 1  # bulk replays at once: each holds a connection until its last chunk
# Automations whose templates are compiled or rendered at once, in threads. Large ones take seconds of CPU time.
LARGE_AUTOMATIONS, SMALL_AUTOMATIONS = 1, 2
LARGE_BUSY = "Too many large automations are being saved or tried just now. Send the request again in a moment."
DEAR_BUSY = "Too many large lists are being read just now. Send the request again, or narrow the list."
STATEMENT_TIMEOUT = 10.0  # seconds

ENGINE = web.AppKey("engine", AsyncEngine)
READS = web.AppKey("reads", AsyncEngine)  # in autocommit: a transaction would cost two more round trips
REPLICA = web.AppKey("replica", AsyncEngine)  # in autocommit, for lists; the primary if there is no replica
TURNS = web.AppKey("turns", Turns)  # limits the connections of each workspace
REPLICA_TURNS = web.AppKey("replica_turns", Turns)
WRITE_TURNS = web.AppKey("write_turns", Turns)
DEAR_LISTS = web.AppKey("dear_lists", Turns)
REPLAY_TURNS = web.AppKey("replay_turns", Turns)
LARGE_TURNS = web.AppKey("large_turns", Turns)
SMALL_TURNS = web.AppKey("small_turns", Turns)
SPOOL = web.AppKey("spool", Spool)
SETTINGS = web.AppKey("settings", Settings)
VAULT = web.AppKey("vault", Vault)


def lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return aiohttp's cleanup context."""

    async def cleanup_context(app: web.Application) -> AsyncIterator[None]:
        app[SETTINGS] = settings
        app[DEAR_LISTS] = Turns(DEAR, DEAR_EACH, DEAR_BUSY, retry_after=5)
        app[LARGE_TURNS] = Turns(LARGE_AUTOMATIONS, 1, LARGE_BUSY)
        app[SMALL_TURNS] = Turns(SMALL_AUTOMATIONS, 1, BUSY)
        app[REPLAY_TURNS] = Turns(REPLAYS, REPLAYS_EACH, BUSY)
        app[WRITE_TURNS] = Turns(WRITERS, WRITERS_EACH, BUSY)
        app[TURNS] = Turns(POOL, EACH, BUSY)
        app[REPLICA_TURNS] = Turns(POOL, EACH, BUSY) if settings.replica_url else app[TURNS]
        app[VAULT] = Vault.from_settings(settings)
        app[ENGINE] = make_engine(settings.database_url, "leadhub api", size=POOL, statement_timeout=STATEMENT_TIMEOUT)
        replica = (
            make_engine(settings.replica_url, "leadhub api", size=POOL, statement_timeout=STATEMENT_TIMEOUT)
            if settings.replica_url
            else app[ENGINE]
        )
        app[READS], app[REPLICA] = (
            engine.execution_options(isolation_level="AUTOCOMMIT") for engine in (app[ENGINE], replica)
        )
        spool = redis.from_url(settings.spool_url, socket_timeout=1, socket_connect_timeout=1)
        app[SPOOL] = Spool(spool)
        yield
        for engine in {app[ENGINE], replica}:
            await engine.dispose()
        await spool.aclose()

    return cleanup_context


@asynccontextmanager
async def reading(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection to the primary, for reading one record or what a write depends on."""
    async with turn(request, TURNS), request.app[READS].connect() as connection:
        yield connection


@asynccontextmanager
async def listing(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection for reading a list: to the replica if there is one, which may lag behind a little."""
    async with turn(request, REPLICA_TURNS), request.app[REPLICA].connect() as connection:
        yield connection


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """A snapshot for all reads within, on a connection in autocommit.

    It always ends with a commit: on a rollback psycopg drops all prepared statements, and planning them costs more than
    running them.
    """
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        await connection.execute("COMMIT")


async def writing(request: web.Request, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Return the result of `work` in one transaction, which is retried on contention.

    `work` may run several times, so that its only effects must be those of the transaction.
    """

    async def write() -> T:
        async with turn(request, WRITE_TURNS), turn(request, TURNS), request.app[ENGINE].begin() as connection:
            return await work(connection)

    return await retry_contended(write, attempts=ROUNDS)


def turn(request: web.Request, turns: web.AppKey[Turns]) -> AbstractAsyncContextManager[None]:
    """Wait for a slot of the request's workspace. Its requests that wait for a lock do not block other workspaces."""
    key = request.get(KEY)
    return request.app[turns].turn(key.workspace_id if key else 0)


async def raw(connection: AsyncConnection) -> Connection:
    """Return the psycopg connection under SQLAlchemy's, in the same transaction, for `shared/leads`."""
    return cast("Connection", (await connection.get_raw_connection()).driver_connection)
