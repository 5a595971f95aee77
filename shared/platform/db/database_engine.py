"""SQLAlchemy's engine for the API and the console. Other services use psycopg directly and need not load it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import sqlalchemy.event
import sqlalchemy.exc
from sqlalchemy import AsyncAdaptedQueuePool, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from shared.platform.db.connections import connection_parameters, has_server_left, sqlalchemy_url
from shared.platform.db.database_hosts import HostConnection
from shared.platform.db.standby_watch import WatchedChange

ASSUMED_ALIVE_SECONDS = 1.0  # seconds after its last use in which a connection is not pinged


class NoConnectionFree(TimeoutError):
    """All connections of the pool were in use for too long. The database may be well."""


class _TimeoutPool(AsyncAdaptedQueuePool):
    """A pool that raises an error of Python's own, by which the error handling recognises an overload."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except sqlalchemy.exc.TimeoutError as error:
            raise NoConnectionFree("no connection came free in time") from error


def make_engine(url: str, application: str, *, size: int, statement_timeout: float = 15.0) -> AsyncEngine:
    """Return an engine with at most `size` connections. It raises NoConnectionFree if none is free within 2 s."""
    engine = create_async_engine(
        sqlalchemy_url(url),
        poolclass=_TimeoutPool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=2,
        pool_use_lifo=True,  # the last used connection has prepared statements
        connect_args={
            **connection_parameters(application, statement_timeout=statement_timeout),
            "async_creator_fn": HostConnection.connect,
        },
    )
    _ping_idle_connections(engine.sync_engine)
    return engine


@asynccontextmanager
async def begin_bounded(engine: AsyncEngine, change: WatchedChange) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction of the change, as `engine.begin()` has it.

    The connection does not go back to the pool if the change is given up.
    """
    async with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        change.begin_commit()
        await transaction.commit()


def _ping_idle_connections(engine: Engine) -> None:
    """Ping connections before use like `pool_pre_ping`, but not one that was used a moment ago: a ping costs a round
    trip. Of that one the operating system is asked whether its server has left."""

    def note_use(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    def ping_if_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _: Any) -> None:
        driver_connection = record.driver_connection
        if isinstance(driver_connection, psycopg.AsyncConnection) and has_server_left(driver_connection):
            raise sqlalchemy.exc.InvalidatePoolError
        if time.monotonic() - record.info.get("used", 0.0) < ASSUMED_ALIVE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise sqlalchemy.exc.InvalidatePoolError from error

    sqlalchemy.event.listen(engine, "checkin", note_use)
    sqlalchemy.event.listen(engine, "checkout", ping_if_idle)
