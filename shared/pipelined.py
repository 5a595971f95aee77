"""A connection for a process that does one thing at a time, and its transactions in libpq's pipeline mode.

The statements of a transaction gather and leave together when the first answer is asked for; what needs no answer costs
no round trip. psycopg can do so too, but it looks at the socket for each statement, and each is a packet that wakes the
server: half of a worker's CPU for a small batch, and a quarter of the batch's time.

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

# Seconds. To the server a process that stops in the midst of a pipeline is not idle in a transaction: its session ends
# by this, and with it the locks of what it had in hand.
LONGEST = 30
DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
TEXT, BINARY = 0, 1


class BlockingConnection(psycopg.AsyncConnection[TupleRow]):
    """The thread waits for the server, not the event loop: several times cheaper."""

    _pipelined: "Pipelined | None" = None

    @property
    def pipelined(self) -> "Pipelined":
        self._pipelined = self._pipelined or Pipelined(self)
        return self._pipelined

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109  # psycopg's
        return psycopg.waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)


async def open_blocking_connection(url: str, application: str) -> Connection:
    """As `open_connection`. Its statements are planned once: to plan costs more than to run them."""
    parameters = options(application)
    parameters["options"] += " -c plan_cache_mode=force_generic_plan"
    connection = await BlockingConnection.connect(url, autocommit=True, **parameters)
    if connection.info.server_version >= 170000:  # the first that knows it
        await connection.execute(f"SET transaction_timeout = '{LONGEST}s'")
    return connection


@asynccontextmanager
async def transaction(connection: Connection, *, savepoints: bool = False) -> AsyncIterator[Statements]:
    """A transaction in pipeline mode, in the cheapest way that the connection has. What needs no answer costs no round
    trip. With `savepoints`, psycopg's own can be set in it.

    An error of psycopg's way may leave it open: whoever owns the connection rolls back.
    """
    if isinstance(connection, BlockingConnection) and not savepoints:
        with connection.pipelined.transaction() as statements:
            yield statements
    else:
        async with connection.pipeline(), connection.transaction():
            yield connection


async def ask(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[TupleRow]:
    """The answer to one statement, a transaction of its own, in the cheapest way that the connection has."""
    if isinstance(connection, BlockingConnection):
        return connection.pipelined.ask(statement, values)
    return await (await connection.execute(statement, values)).fetchall()


class Answer:
    """A statement's, under way."""

    __slots__ = ("_pipeline", "result")

    def __init__(self, pipeline: "Pipelined") -> None:
        self._pipeline = pipeline
        self.result: PGresult | None = None

    async def fetchall(self) -> list[TupleRow]:
        """All rows; waits for them. Raises the error of this statement, or of one before it."""
        return self._pipeline.rows(self)


class Pipelined:
    """A connection of which, for the length of `transaction`, nobody else makes use."""

    def __init__(self, connection: Connection) -> None:
        self._libpq = connection.pgconn
        self._transformer = Transformer(connection)
        self._poll = select.poll()
        self._socket = connection.fileno()
        self._poll.register(self._socket, select.POLLIN)
        self._names: dict[str, bytes] = {}  # of prepared statements
        self._numbers = count(1)
        self._sent: deque[Answer] = deque()  # not answered yet, in order
        self._is_ending = False  # the synchronisation is sent

    @contextmanager
    def transaction(self) -> Iterator["Pipelined"]:
        """Commits at its end, rolls back on an error.

        What lies between two synchronisations is a transaction by itself: BEGIN and COMMIT are two statements less.
        """
        with self._pipeline():
            yield self

    def ask(self, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        """The answer to one statement, a transaction of its own."""
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
            self._names = {}  # psycopg deallocates whatever is prepared when it rolls back for others
            self._abandon()
            raise
        except BaseException:
            self._names = known  # what was prepared behind a statement that failed was not
            self._abandon()
            raise
        self._libpq.exit_pipeline_mode()

    async def execute(self, statement: str, values: Sequence[Any] = (), /) -> Answer:
        """Sends a statement, some time until the next answer is read. Its placeholders are psycopg's."""
        return self._send(statement, values)

    def rows(self, answer: Answer) -> list[TupleRow]:
        """See `Answer`."""
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
        # As binary, since bytes come as twice as many hexadecimal digits else.
        self._libpq.send_query_prepared(name, [_dumped(value) for value in values], formats, BINARY)
        self._sent.append(answer := Answer(self))
        return answer

    def _read(self) -> None:
        """Waits for the next result. Raises the error that it tells of."""
        answer, result = self._sent.popleft(), self._result()
        self._result()  # the end of the statement's
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
        while self._libpq.flush():  # the socket is full: the server may be waiting for its answers to be taken
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(self._socket, select.POLLIN)
            self._libpq.consume_input()

    def _synchronise(self) -> None:
        self._end()
        while self._sent:
            self._read()
        result = self._result()
        if result is None or result.status != ExecStatus.PIPELINE_SYNC:  # it was not committed
            raise psycopg.errors.error_from_result(result) if result else psycopg.OperationalError("connection lost")

    def _end(self) -> None:
        self._is_ending = True
        self._libpq.pipeline_sync()
        self._flush()

    def _abandon(self) -> None:
        """Takes what is still to come, up to the synchronisation, and leaves pipeline mode."""
        self._sent.clear()
        if self._libpq.status != ConnStatus.OK:
            return
        try:
            if not self._is_ending:
                self._libpq.send_query_params(b"ROLLBACK", [])  # passed over where a statement has failed
                self._end()
            while (result := self._result()) is None or result.status != ExecStatus.PIPELINE_SYNC:
                pass
            self._libpq.exit_pipeline_mode()
        except psycopg.Error:
            self._libpq.finish()  # of no use any more; what went wrong first is told


def _dumped(value: Any) -> bytes | None:
    """A parameter as PostgreSQL reads it: text, or bytes as they are."""
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
