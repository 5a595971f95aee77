"""psycopg's connections, and what its errors tell. SQLAlchemy's engine is the API's: `services/api/engine.py`."""

import asyncio
import os
import re
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

set_json_loads(orjson.loads)
# A PostgreSQL that is back is met at once. The pool's own steps of 1, 2 and 4 s are for servers far away; they have no
# argument.
AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.2, 1.0  # seconds, and how it grows

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]
T = TypeVar("T")

# A worker that is gone must not hold its rows: the server looks for its client while a statement runs, ends a
# transaction that nobody drives any more, and misses a client whose machine or network is gone within some 10 s.
SESSION = (
    "-c client_connection_check_interval=200ms -c idle_in_transaction_session_timeout=10s "
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000 "
    "-c TimeZone=UTC -c jit=off -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
)

# As part of a statement: its transaction commits without waiting for the disk. A crash of the server within the next
# half second may take it back whole; never a part of it, and nothing that was committed before it.
UNHURRIED = "set_config('synchronous_commit', 'off', true)"

# What the server ends for the time that it takes.
ENDED = (
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.QueryCanceled,
)
# Tables of another version: `migrate` is still to come. None of our statements is made of what was sent.
UNPREPARED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)
# What a caller sees of a database that is away, slow, restarting or full, as against a mistake in the data.
# psycopg does not count as operational that it takes no writes for now, as in a failover, and that the server ended a
# session whose transaction idled or took too long.
UNAVAILABLE: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    *ENDED,
    *UNPREPARED,
    TimeoutError,
    OSError,
)


class Rows(Protocol):
    """What a statement answers."""

    async def fetchall(self) -> list[TupleRow]: ...


class Statements(Protocol):
    """What runs statements in somebody's transaction: a psycopg connection, or `shared/pipelined.py`."""

    async def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows: ...


def numbered(statement: str) -> str:
    """The statement with PostgreSQL's own placeholders, `$1` and so on, in place of psycopg's."""
    numbers = count(1)
    return re.sub("%[sb%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", statement)


def as_json(value: Any) -> str:
    """A statement's JSON parameter, to be written as `%s::json`.

    One document for a whole batch: psycopg dumps an array parameter element by element, at ten times the price.
    """
    return orjson.dumps(value).decode()


def sqlalchemy_url(url: str) -> str:
    """The same URL under SQLAlchemy's name of the driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def options(application: str, *, statement_timeout: float = 15.0) -> dict[str, Any]:
    """Connection parameters of every session we open; `statement_timeout` in seconds."""
    return {
        "application_name": application,
        "connect_timeout": 3,
        "options": SESSION.format(timeout_ms=int(statement_timeout * 1000)),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds
    }


def make_pool(url: str, application: str, *, size: int, statement_timeout: float = 15.0) -> Pool:
    """A closed pool; open it with `await pool.open()`. Connections are autocommit: a transaction is always written."""
    return AsyncConnectionPool(
        url,
        kwargs={**options(application, statement_timeout=statement_timeout), "autocommit": True},
        min_size=1,
        max_size=size,
        timeout=2.0,
        reconnect_timeout=5.0,
        open=False,
        check=None,
    )


async def open_connection(url: str, application: str) -> Connection:
    """One connection, autocommit; the caller closes it."""
    return await psycopg.AsyncConnection.connect(url, autocommit=True, **options(application))


@asynccontextmanager
async def connect(url: str, application: str) -> AsyncIterator[Connection]:
    """One connection of its own, autocommit, closed at the end."""
    async with await open_connection(url, application) as connection:
        yield connection


async def hear(connection: Connection, tell: Callable[[bytes, bytes], None]) -> None:
    """Calls `tell` with each notification's channel and payload until the connection breaks, which it raises.

    The socket stays registered: to wait for each notification in psycopg's way costs 0.1 ms.
    """
    loop, libpq = asyncio.get_running_loop(), connection.pgconn
    # A descriptor of our own: libpq closes its one when the connection breaks, and another may get that number.
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
            tell(notice.relname, notice.extra)

    loop.add_reader(socket, read)
    try:
        await broken
    finally:
        loop.remove_reader(socket)
        os.close(socket)


class Contended(Exception):
    """Other transactions were in the way; the same transaction may succeed when it is run again."""


def is_contention(error: BaseException) -> bool:
    """Whether running the transaction again may help: a deadlock, a serialisation failure, a lock not had in time, a
    prepared statement that was let go (`shared/pipelined.py`)."""
    error = _under(error)
    return isinstance(error, Contended) or getattr(error, "sqlstate", None) in ("40001", "40P01", "55P03", "26000")


def is_unavailable(error: BaseException) -> bool:
    """Whether the error tells of the database's state (away, full, read-only, not migrated), not of what was sent.

    psycopg counts class 54 (a limit of the program exceeded, such as too long an index key) as operational; it is the
    data's fault, and would come again for ever.
    """
    error = _under(error)
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, UNAVAILABLE) and not state.startswith("54")


def took_too_long(error: BaseException) -> bool:
    """Whether the server ended the statement or its session for the time that it took."""
    return isinstance(_under(error), ENDED)


def _under(error: BaseException) -> BaseException:
    """What psycopg said, where SQLAlchemy passed it on."""
    return getattr(error, "orig", None) or error


_late: set[asyncio.Future[Any]] = set()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What `work` comes to, or TimeoutError after `seconds`, at once.

    Not `asyncio.timeout`: a query that is cancelled waits for its server, up to 10 s where that is frozen.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            _late.add(task)
            task.add_done_callback(_forget)
            task.cancel()


def _forget(task: asyncio.Future[Any]) -> None:
    _late.discard(task)
    if not task.cancelled():
        task.exception()  # seen: what became of it no longer matters
