"""The API's resources during its lifetime, and its transactions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar, cast

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.api.list_replica import LIST_REPLICA, ListReplica
from shared.automations.template_turns import TemplateTurns
from shared.files.file_downloads import FileDownloads
from shared.intake.spool import Spool
from shared.platform.crypto.encryption import Cipher, TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_engine import begin_bounded, make_engine
from shared.platform.db.standby_watch import StandbyWatch
from shared.platform.fair_limiter import FairLimiter
from shared.platform.observability.metrics import LISTS_READ
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever
from shared.service_app.authorization import API_KEY

T = TypeVar("T")

POOL_SIZE = 8
CONNECTIONS_PER_WORKSPACE = 4  # connections of one workspace at once
# Connections for writes, which may wait for each other; the rest stays free for reads.
MAX_WRITERS, WRITERS_PER_WORKSPACE = 6, 3
DATABASE_BUSY_MESSAGE = "Too many requests wait for the database just now. Send the request again in a moment."
MAX_TRANSACTION_TRIES = 5  # tries of a transaction under contention
MAX_EXPENSIVE_LISTS, EXPENSIVE_LISTS_PER_WORKSPACE = 3, 2  # large lists at once, so that small ones find a connection
LISTS_BUSY_MESSAGE = "Too many large lists are being read just now. Send the request again, or narrow the list."
STATEMENT_TIMEOUT_SECONDS = 10.0  # seconds

ENGINE_KEY = web.AppKey("engine", AsyncEngine)
STANDBY_WATCH = web.AppKey("standby_watch", StandbyWatch)
READ_ENGINE_KEY = web.AppKey("reads", AsyncEngine)  # in autocommit: a transaction would cost two more round trips
CONNECTION_LIMITER = web.AppKey("turns", FairLimiter)  # limits the connections of each workspace
REPLICA_LIMITER = web.AppKey("replica_turns", FairLimiter)
WRITE_LIMITER = web.AppKey("write_turns", FairLimiter)
EXPENSIVE_LIST_LIMITER = web.AppKey("dear_lists", FairLimiter)
TEMPLATE_TURNS = web.AppKey("template_turns", TemplateTurns)
SPOOL_KEY = web.AppKey("spool", Spool)
SETTINGS_KEY = web.AppKey("settings", Settings)
FILES_KEY = web.AppKey("files", FileDownloads)
CIPHER_KEY = web.AppKey("cipher", Cipher)


def api_lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return aiohttp's cleanup context."""

    async def cleanup_context(app: web.Application) -> AsyncIterator[None]:
        app[SETTINGS_KEY] = settings
        app[EXPENSIVE_LIST_LIMITER] = FairLimiter(
            MAX_EXPENSIVE_LISTS, EXPENSIVE_LISTS_PER_WORKSPACE, LISTS_BUSY_MESSAGE, retry_after=5
        )
        app[TEMPLATE_TURNS] = TemplateTurns()
        app[WRITE_LIMITER] = FairLimiter(MAX_WRITERS, WRITERS_PER_WORKSPACE, DATABASE_BUSY_MESSAGE)
        app[CONNECTION_LIMITER] = FairLimiter(POOL_SIZE, CONNECTIONS_PER_WORKSPACE, DATABASE_BUSY_MESSAGE)
        app[REPLICA_LIMITER] = (
            FairLimiter(POOL_SIZE, CONNECTIONS_PER_WORKSPACE, DATABASE_BUSY_MESSAGE)
            if settings.replica_url
            else app[CONNECTION_LIMITER]
        )
        app[CIPHER_KEY] = Cipher.from_settings(settings)
        app[ENGINE_KEY] = make_engine(
            settings.database_url, "leadhub api", size=POOL_SIZE, statement_timeout=STATEMENT_TIMEOUT_SECONDS
        )
        app[READ_ENGINE_KEY] = app[ENGINE_KEY].execution_options(isolation_level="AUTOCOMMIT")
        app[STANDBY_WATCH] = StandbyWatch(settings.database_url, "leadhub api")
        spool = redis.from_url(settings.spool_url, socket_timeout=1, socket_connect_timeout=1)
        app[SPOOL_KEY] = Spool(spool)
        app[FILES_KEY] = FileDownloads(settings)
        async with watched_replica(app, settings):
            yield
        app[FILES_KEY].close()
        await app[STANDBY_WATCH].close()
        await app[ENGINE_KEY].dispose()
        await spool.aclose()

    return cleanup_context


@asynccontextmanager
async def watched_replica(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    """Use the replica for lists, if one is set, for the length of the block."""
    if not settings.replica_url:
        yield
        return
    engine = make_engine(
        settings.replica_url, "leadhub api", size=POOL_SIZE, statement_timeout=STATEMENT_TIMEOUT_SECONDS
    )
    reads = engine.execution_options(isolation_level="AUTOCOMMIT")
    app[LIST_REPLICA] = ListReplica(app[READ_ENGINE_KEY], reads, settings.replica_lag)
    task = asyncio.create_task(run_forever(app[LIST_REPLICA].watch))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await engine.dispose()


@asynccontextmanager
async def reading(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection to the primary, for reading one record or what a write depends on."""
    async with fair_slot(request, CONNECTION_LIMITER), request.app[READ_ENGINE_KEY].connect() as connection:
        yield connection


@asynccontextmanager
async def listing(request: web.Request) -> AsyncIterator[AsyncConnection]:
    """A connection for reading a list: to the replica if there is one that may serve it, which lags a little."""
    if replica := request.app.get(LIST_REPLICA):
        async with fair_slot(request, REPLICA_LIMITER):
            if connection := await replica.connect(request):
                LISTS_READ.labels("replica").inc()
                try:
                    yield connection
                finally:
                    await connection.close()
                return
    async with reading(request) as connection:
        LISTS_READ.labels("primary").inc()
        yield connection


async def writing(request: web.Request, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Return the result of `work` in one transaction, which is retried on contention.

    `work` may run several times, so that its only effects must be those of the transaction. Raises StandbyAway and
    CommitUnconfirmed if a synchronous standby is away.
    """

    async def write() -> T:
        async with (
            request.app[STANDBY_WATCH].change() as change,
            fair_slot(request, WRITE_LIMITER),
            fair_slot(request, CONNECTION_LIMITER),
            begin_bounded(request.app[ENGINE_KEY], change) as connection,
        ):
            return await work(connection)

    try:
        return await retry_contended(write, attempts=MAX_TRANSACTION_TRIES)
    finally:  # a commit that failed may have been made
        note_write(request)


def note_write(request: web.Request) -> None:
    """Have the caller's lists show what it wrote, once the replica has it."""
    replica, key = request.app.get(LIST_REPLICA), request.get(API_KEY)
    if replica and key:
        replica.note_write(key.id)


async def write_driver(request: web.Request, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Return the result of `work` with psycopg's connection, in one transaction as `writing` has it."""

    async def with_driver(connection: AsyncConnection) -> T:
        return await work(await driver_connection(connection))

    return await writing(request, with_driver)


def fair_slot(request: web.Request, limiter_key: web.AppKey[FairLimiter]) -> AbstractAsyncContextManager[None]:
    """Wait for a slot of the request's workspace. Its requests that wait for a lock do not block other workspaces."""
    key = request.get(API_KEY)
    return request.app[limiter_key].slot(key.workspace_id if key else 0)


async def driver_connection(connection: AsyncConnection) -> Connection:
    """Return the psycopg connection under SQLAlchemy's, in the same transaction, for `shared/leads`."""
    return cast("Connection", (await connection.get_raw_connection()).driver_connection)


async def transaction_cipher(request: web.Request, connection: AsyncConnection) -> TransactionCipher:
    """Return a cipher that encrypts what the connection's transaction stores."""
    return await request.app[CIPHER_KEY].in_transaction(await driver_connection(connection))
