"""A connection for a process that does one thing at a time, with transactions in libpq's pipeline mode.

The statements of a transaction are collected and sent together when the first result is needed. A statement without a
needed result costs no round trip. psycopg has a pipeline mode too, but it polls the socket for each statement and sends
each in its own packet, which wakes the server: half of a worker's CPU time for a small batch.

Source: https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

import select
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, TypeVar

import psycopg
import psycopg.waiting
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from shared.db import Connection, Statements, numbered, options

T = TypeVar("T")

# Seconds. If a process stops in the middle of a pipeline, the server does not regard it as idle in a transaction. This
# timeout ends its session and releases its locks.
LONGEST = 30
DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
TEXT, BINARY = 0, 1


class BlockingConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection that blocks its thread while it waits for the server: several times cheaper than asyncio."""

    _pipelined: "Pipelined | None" = None

    @property
    def pipelined(self) -> "Pipelined":
        self._pipelined = self._pipelined or Pipelined(self)
        return self._pipelined

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109  # psycopg's
        return psycopg.waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)


async def open_blocking_connection(url: str, application: str) -> Connection:
    """Open a blocking connection. It plans each statement once, because planning costs more than running them."""
    parameters = options(application)
    parameters["options"] += " -c plan_cache_mode=force_generic_plan"
    connection = await BlockingConnection.connect(url, autocommit=True, **parameters)
    if connection.info.server_version >= 170000:  # the first version that has it
        await connection.execute(f"SET transaction_timeout = '{LONGEST}s'")
    return connection


@asynccontextmanager
async def transaction(connection: Connection, *, savepoints: bool = False) -> AsyncIterator[Statements]:
    """Run a transaction in pipeline mode, with psycopg's or, if the connection has one, with its own cheaper pipeline.

    A statement without a needed result costs no round trip. With `savepoints`, psycopg's pipeline is used, so that its
    savepoints work. After an error, psycopg may leave the transaction open: the owner of the connection rolls back.
    """
    if isinstance(connection, BlockingConnection) and not savepoints:
        with connection.pipelined.transaction() as statements:
            yield statements
    else:
        async with connection.pipeline(), connection.transaction():
            yield connection


async def ask(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[TupleRow]:
    """Run one statement in its own transaction and return all rows."""
    if isinstance(connection, BlockingConnection):
        return connection.pipelined.ask(statement, values)
    return await (await connection.execute(statement, values)).fetchall()


class Answer:
    """The result of a statement, which may not have arrived yet."""

    __slots__ = ("_pipeline", "result")

    def __init__(self, pipeline: "Pipelined") -> None:
        self._pipeline = pipeline
        self.result: PGresult | None = None

    async def fetchall(self) -> list[TupleRow]:
        """Wait for all rows and return them. Raises the error of this statement or of an earlier one."""
        return self._pipeline.rows(self)


class Pipelined:
    """A libpq connection in pipeline mode. Nothing else may use it during a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._libpq = connection.pgconn
        self._transformer = Transformer(connection)
        self._poll = select.poll()
        self._socket = connection.fileno()
        self._poll.register(self._socket, select.POLLIN)
        self._names: dict[str, bytes] = {}  # of prepared statements, by text
        self._numbers = count(1)
        self._sent: deque[Answer] = deque()  # without a result yet, in order
        self._is_ending = False  # the synchronisation point is sent

    @contextmanager
    def transaction(self) -> Iterator["Pipelined"]:
        """Run a transaction: commit at the end of the block, roll back on an error.

        Statements between two synchronisation points form an implicit transaction, which saves BEGIN and COMMIT.
        """
        with self._pipeline():
            yield self

    def ask(self, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        """Run one statement in its own transaction and return all rows."""
        try:
            return self._ask(statement, values)
        except psycopg.errors.InvalidSqlStatementName:
            return self._ask(statement, values)

    def _ask(self, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        with self._pipeline():
            answer = self._send(statement, values)
        return self.rows(answer)

    @contextmanager
    def _pipeline(self) -> Iterator[None]:
        known, self._is_ending = dict(self._names), False
        self._libpq.enter_pipeline_mode()
        try:
            yield
            self._synchronise()
        except psycopg.errors.InvalidSqlStatementName:
            self._names = {}  # psycopg deallocates all prepared statements when it rolls back for other code
            self._abandon()
            raise
        except BaseException:
            self._names = known  # statements after a failed one were not prepared
            self._abandon()
            raise
        self._libpq.exit_pipeline_mode()

    async def execute(self, statement: str, values: Sequence[Any] = (), /) -> Answer:
        """Queue a statement. It is sent before the next result is read. Its placeholders are psycopg's."""
        return self._send(statement, values)

    def rows(self, answer: Answer) -> list[TupleRow]:
        """Wait for all rows of a result and return them. Raises the error of its statement or of an earlier one."""
        if answer.result is None:
            self._libpq.send_flush_request()
            self._flush()
            while answer.result is None:
                self._read()
        self._transformer.set_pgresult(answer.result)
        return self._transformer.load_rows(0, answer.result.ntuples, tuple)

    def _send(self, statement: str, values: Sequence[Any]) -> Answer:
        name = self._names.get(statement)
        if name is None:
            name = self._names[statement] = b"p%d" % next(self._numbers)
            self._libpq.send_prepare(name, numbered(statement).encode())
            self._sent.append(Answer(self))
        formats = [BINARY if isinstance(value, bytes) else TEXT for value in values]
        # In binary format, since text format doubles the size of bytes.
        self._libpq.send_query_prepared(name, [_dumped(value) for value in values], formats, BINARY)
        self._sent.append(answer := Answer(self))
        return answer

    def _read(self) -> None:
        """Wait for the next result. Raises its error if the statement failed."""
        answer, result = self._sent.popleft(), self._result()
        self._result()  # the end of this statement's results
        if result is None:
            raise psycopg.OperationalError("a statement was not answered")
        if result.status not in DONE:
            raise psycopg.errors.error_from_result(result)
        answer.result = result

    def _result(self) -> PGresult | None:
        while self._libpq.is_busy():
            self._poll.poll()
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _flush(self) -> None:
        while self._libpq.flush():  # the socket is full: the server may wait until its results are read
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(self._socket, select.POLLIN)
            self._libpq.consume_input()

    def _synchronise(self) -> None:
        self._end()
        while self._sent:
            self._read()
        result = self._result()
        if result is None or result.status != ExecStatus.PIPELINE_SYNC:  # not committed
            raise psycopg.errors.error_from_result(result) if result else psycopg.OperationalError("connection lost")

    def _end(self) -> None:
        self._is_ending = True
        self._libpq.pipeline_sync()
        self._flush()

    def _abandon(self) -> None:
        """Discard all results up to the synchronisation point, and leave pipeline mode."""
        self._sent.clear()
        if self._libpq.status != ConnStatus.OK:
            return
        try:
            if not self._is_ending:
                self._libpq.send_query_params(b"ROLLBACK", [])  # skipped by the server if a statement has failed
                self._end()
            while (result := self._result()) is None or result.status != ExecStatus.PIPELINE_SYNC:
                pass
            self._libpq.exit_pipeline_mode()
        except psycopg.Error:
            self._libpq.finish()  # unusable from now on; the caller raises the first error


def _dumped(value: Any) -> bytes | None:
    """Encode a parameter for PostgreSQL: bytes unchanged, other types as text."""
    match value:
        case bytes() | None:
            return value
        case str():
            return value.encode()
        case int():
            return b"%d" % value
        case list():
            return b"{%b}" % b",".join([b"%d" % member for member in value])
    raise TypeError(f"no parameter: {type(value).__name__}")
