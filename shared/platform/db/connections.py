"""Connections of psycopg, and the classification of its errors.

API and console take theirs from an engine of SQLAlchemy, see `database_engine.py`.
"""

import asyncio
import os
import re
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Protocol, TypeVar

import orjson
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from psycopg_pool.base import AttemptWithBackoff

from shared.platform.db.database_hosts import HostConnection

set_json_loads(orjson.loads)
# Reconnect quickly when PostgreSQL is back. The pool waits 1, 2 and 4 s by default, which suits distant servers, and
# offers no argument for it.
AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.2, 1.0  # seconds, and the growth factor

Connection = psycopg.AsyncConnection[TupleRow]
T = TypeVar("T")

# A worker that died must not keep its rows locked. The server therefore checks for its client while a statement runs,
# ends idle transactions, and notices within about 10 s that a client's machine or network is gone.
SESSION_OPTIONS = (
    "-c client_connection_check_interval=200ms -c idle_in_transaction_session_timeout=10s "
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000 "
    "-c TimeZone=UTC -c jit=off -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
)

# Used as an expression in a statement: its transaction commits without waiting for the disk. If the server crashes
# within the next half second, the whole transaction may be lost, but never a part of it and no earlier commit.
ASYNC_COMMIT = "set_config('synchronous_commit', 'off', true)"
# The same, for a transaction that is on this server's disk when it commits, and does not wait for a standby.
LOCAL_COMMIT = "set_config('synchronous_commit', 'local', true)"


class StatementResult(Protocol):
    """The result of a statement."""

    async def fetchall(self) -> list[TupleRow]: ...


class StatementExecutor(Protocol):
    """An object that runs statements in the caller's transaction: a psycopg connection or a libpq pipeline."""

    async def execute(self, statement: str, values: Sequence[Any] = (), /) -> StatementResult: ...


def native_placeholders(statement: str) -> str:
    """Return the statement with PostgreSQL's own placeholders (`$1` and so on) in place of psycopg's."""
    numbers = count(1)
    return re.sub("%[sb%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", statement)


def as_json(value: Any) -> str:
    """Return the value as a JSON parameter, which the statement refers to as `%s::json`.

    A batch is passed as one JSON document, since psycopg dumps an array parameter element by element, which takes ten
    times as long.
    """
    return orjson.dumps(value).decode()


def sqlalchemy_url(url: str) -> str:
    """Return the same URL with SQLAlchemy's name of the driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def connection_parameters(application: str, *, statement_timeout: float = 15.0) -> dict[str, Any]:
    """Return the connection parameters of every session. `statement_timeout` is in seconds."""
    return {
        "application_name": application,
        "connect_timeout": 3,
        "options": SESSION_OPTIONS.format(timeout_ms=int(statement_timeout * 1000)),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds
    }


def has_server_left(connection: Connection) -> bool:
    """Return whether the server's end of an unused connection is closed, as after a restart of the server.

    This asks the operating system alone and takes microseconds. A server that hangs or is out of reach is not noticed.
    """
    if connection.closed:
        return True
    libpq, poll = connection.pgconn, select.poll()
    poll.register(libpq.socket, select.POLLIN)
    try:
        while poll.poll(0):
            libpq.consume_input()  # raises at the end of the stream, behind notices and the server's last message
    except psycopg.OperationalError:
        return True
    return False


class ConnectionPool(AsyncConnectionPool[Connection]):
    """A pool that hands out no connection whose server has left.

    psycopg's hands them out one by one after a restart of the server, and each costs its user an error and a pause.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109  # psycopg's
        while has_server_left(connection := await super().getconn(timeout)):
            await self.putconn(connection)  # drops it, and opens another one
        return connection


def make_pool(
    url: str,
    application: str,
    *,
    size: int,
    statement_timeout: float = 15.0,
    is_checked: bool = False,
    idle: float = 600.0,
) -> ConnectionPool:
    """Return a closed pool, to be opened with `await pool.open()`.

    Connections are in autocommit mode: a transaction is always explicit. A checked pool asks each connection for a
    sign of life before it hands it out: one round trip, for people who would see the error of a dead one. All
    connections but one are closed, one after the other, when they were unneeded for `idle` seconds.
    """
    return ConnectionPool(
        url,
        connection_class=HostConnection,
        kwargs={**connection_parameters(application, statement_timeout=statement_timeout), "autocommit": True},
        min_size=1,
        max_size=size,
        timeout=2.0,
        max_idle=idle,
        reconnect_timeout=5.0,
        open=False,
        check=AsyncConnectionPool.check_connection if is_checked else None,
    )


async def open_connection(url: str, application: str) -> Connection:
    """Open a connection in autocommit mode. The caller closes it."""
    return await HostConnection.connect(url, autocommit=True, **connection_parameters(application))


@asynccontextmanager
async def connect(url: str, application: str) -> AsyncIterator[Connection]:
    """Open a connection in autocommit mode for the length of a block."""
    async with await open_connection(url, application) as connection:
        yield connection


async def listen_for_notifications(connection: Connection, on_notification: Callable[[bytes, bytes], None]) -> None:
    """Call the function with the channel and payload of each notification, until the connection breaks.

    Raises psycopg.OperationalError then. The socket stays registered with the event loop, since psycopg's own way of
    waiting costs 0.1 ms for each notification.
    """
    loop, libpq = asyncio.get_running_loop(), connection.pgconn
    # Use a duplicate descriptor: libpq closes its own when the connection breaks, and the number may be reused.
    socket = os.dup(connection.fileno())
    broken: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        try:
            libpq.consume_input()
        except psycopg.OperationalError as error:
            loop.remove_reader(socket)
            broken.set_exception(error)
            return
        while notice := libpq.notifies():
            on_notification(notice.relname, notice.extra)

    loop.add_reader(socket, read)
    try:
        await broken
    finally:
        loop.remove_reader(socket)
        os.close(socket)


_abandoned_tasks: set[asyncio.Future[Any]] = set()


async def with_deadline(seconds: float, work: Awaitable[T]) -> T:
    """Return the result of `work`, or raise TimeoutError as soon as `seconds` have passed.

    `asyncio.timeout` would not do: a cancelled query waits for its server, up to 10 s if that one is frozen.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            _abandoned_tasks.add(task)
            task.add_done_callback(_discard_task)
            task.cancel()


def _discard_task(task: asyncio.Future[Any]) -> None:
    _abandoned_tasks.discard(task)
    if not task.cancelled():
        task.exception()  # marks it as retrieved, so that asyncio logs nothing about a result nobody needs


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
