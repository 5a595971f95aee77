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

from shared.platform.db.connections import Connection, StatementExecutor, connection_parameters, native_placeholders
from shared.platform.db.database_hosts import HostConnection
from shared.platform.observability import logging

log = logging.get_logger()

T = TypeVar("T")
Follower = tuple[str, Sequence[Any]]  # a statement that runs behind a transaction, and its parameters

# Seconds. If a process stops in the middle of a pipeline, the server does not regard it as idle in a transaction. This
# timeout ends its session and releases its locks.
TRANSACTION_TIMEOUT_SECONDS = 30
PIPELINE_SUCCESS_STATUSES = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
TEXT_FORMAT, BINARY_FORMAT = 0, 1


class BlockingConnection(HostConnection):
    """A connection that blocks its thread while it waits for the server: several times cheaper than asyncio."""

    _pipeline_connection: "PipelineConnection | None" = None

    @property
    def pipeline_connection(self) -> "PipelineConnection":
        self._pipeline_connection = self._pipeline_connection or PipelineConnection(self)
        return self._pipeline_connection

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109  # psycopg's
        return psycopg.waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)


async def open_blocking_connection(url: str, application: str) -> Connection:
    """Open a blocking connection. It plans each statement once, because planning costs more than running them."""
    parameters = connection_parameters(application)
    parameters["options"] += " -c plan_cache_mode=force_generic_plan"
    connection = await BlockingConnection.connect(url, autocommit=True, **parameters)
    if connection.info.server_version >= 170000:  # the first version that has it
        await connection.execute(f"SET transaction_timeout = '{TRANSACTION_TIMEOUT_SECONDS}s'")
    return connection


@asynccontextmanager
async def pipeline_transaction(
    connection: Connection, *, savepoints: bool = False, followers: Sequence[Follower] = ()
) -> AsyncIterator[StatementExecutor]:
    """Run a transaction in pipeline mode, with psycopg's or, if the connection has one, with its own cheaper pipeline.

    A statement without a needed result costs no round trip. With `savepoints`, psycopg's pipeline is used, so that its
    savepoints work. After an error, psycopg may leave the transaction open: the owner of the connection rolls back.

    `followers`, which the block may add to, run in a transaction of their own behind this one. The cheaper pipeline
    sends them with the commit and does not wait for its result, so that they also run after a transaction that failed:
    they must see for themselves whether it was committed. If they fail, that is logged and not raised.
    """
    if isinstance(connection, BlockingConnection) and not savepoints:
        with connection.pipeline_connection.transaction(followers) as statements:
            yield statements
        return
    async with connection.pipeline(), connection.transaction():
        yield connection
    try:
        for statement, values in followers:
            await connection.execute(statement, values)
    except psycopg.Error as error:
        _log_failed_follower(error)


async def query_once(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[TupleRow]:
    """Run one statement in its own transaction and return all rows."""
    if isinstance(connection, BlockingConnection):
        return connection.pipeline_connection.query_once(statement, values)
    return await (await connection.execute(statement, values)).fetchall()


class PendingResult:
    """The result of a statement, which may not have arrived yet."""

    __slots__ = ("_pipeline", "result")

    def __init__(self, pipeline: "PipelineConnection") -> None:
        self._pipeline = pipeline
        self.result: PGresult | None = None

    async def fetchall(self) -> list[TupleRow]:
        """Wait for all rows and return them. Raises the error of this statement or of an earlier one."""
        return self._pipeline.fetch_rows(self)


class PipelineConnection:
    """A libpq connection in pipeline mode. Nothing else may use it during a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._libpq = connection.pgconn
        self._transformer = Transformer(connection)
        self._poll = select.poll()
        self._socket = connection.fileno()
        self._poll.register(self._socket, select.POLLIN)
        self._prepared_names: dict[str, bytes] = {}  # of prepared statements, by text
        self._name_numbers = count(1)
        self._pending_results: deque[PendingResult] = deque()  # without a result yet, in order
        self._open_synchronisations = 0  # points that were sent and whose result was not read

    @contextmanager
    def transaction(self, followers: Sequence[Follower] = ()) -> Iterator["PipelineConnection"]:
        """Run a transaction: commit at the end of the block, roll back on an error.

        Statements between two synchronisation points form an implicit transaction, which saves BEGIN and COMMIT.
        For `followers` see `pipeline_transaction`.
        """
        with self._pipeline_mode(followers):
            yield self

    def query_once(self, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        """Run one statement in its own transaction and return all rows."""
        try:
            return self._query_once(statement, values)
        except psycopg.errors.InvalidSqlStatementName:
            return self._query_once(statement, values)

    def _query_once(self, statement: str, values: Sequence[Any]) -> list[TupleRow]:
        with self._pipeline_mode():
            answer = self._send_statement(statement, values)
        return self.fetch_rows(answer)

    @contextmanager
    def _pipeline_mode(self, followers: Sequence[Follower] = ()) -> Iterator[None]:
        known, self._open_synchronisations = dict(self._prepared_names), 0
        self._libpq.enter_pipeline_mode()
        try:
            yield
            self._finish_pipeline(followers)
        except psycopg.errors.InvalidSqlStatementName:
            self._prepared_names = {}  # psycopg deallocates all prepared statements when it rolls back for other code
            self._abort_pipeline()
            raise
        except BaseException:
            self._prepared_names = known  # statements after a failed one were not prepared
            self._abort_pipeline()
            raise
        self._end_followers()

    async def execute(self, statement: str, values: Sequence[Any] = (), /) -> PendingResult:
        """Queue a statement. It is sent before the next result is read. Its placeholders are psycopg's."""
        return self._send_statement(statement, values)

    def fetch_rows(self, answer: PendingResult) -> list[TupleRow]:
        """Wait for all rows of a result and return them. Raises the error of its statement or of an earlier one."""
        if answer.result is None:
            self._libpq.send_flush_request()
            self._flush_output()
            while answer.result is None:
                self._read_result()
        self._transformer.set_pgresult(answer.result)
        return self._transformer.load_rows(0, answer.result.ntuples, tuple)

    def _send_statement(self, statement: str, values: Sequence[Any]) -> PendingResult:
        name = self._prepared_names.get(statement)
        if name is None:
            name = self._prepared_names[statement] = b"p%d" % next(self._name_numbers)
            self._libpq.send_prepare(name, native_placeholders(statement).encode())
            self._pending_results.append(PendingResult(self))
        formats = [BINARY_FORMAT if isinstance(value, bytes) else TEXT_FORMAT for value in values]
        # In binary format, since text format doubles the size of bytes.
        self._libpq.send_query_prepared(name, [_encode_parameter(value) for value in values], formats, BINARY_FORMAT)
        self._pending_results.append(answer := PendingResult(self))
        return answer

    def _read_result(self) -> None:
        """Wait for the next result. Raises its error if the statement failed."""
        answer, result = self._pending_results.popleft(), self._next_result()
        self._next_result()  # the end of this statement's results
        if result is None:
            raise psycopg.OperationalError("a statement was not answered")
        if result.status not in PIPELINE_SUCCESS_STATUSES:
            raise psycopg.errors.error_from_result(result)
        answer.result = result

    def _next_result(self) -> PGresult | None:
        while self._libpq.is_busy():
            self._poll.poll()
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _flush_output(self) -> None:
        while self._libpq.flush():  # the socket is full: the server may wait until its results are read
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(self._socket, select.POLLIN)
            self._libpq.consume_input()

    def _finish_pipeline(self, followers: Sequence[Follower]) -> None:
        """Commit, and read all results up to the commit's. Results of followers are left to be read."""
        self._send_synchronisation()
        pending = len(self._pending_results)
        for statement, values in followers:
            self._send_statement(statement, values)
        if followers:
            self._send_synchronisation()
        for _ in range(pending):
            self._read_result()
        self._read_synchronisation()

    def _end_followers(self) -> None:
        """Read the results of the followers, and leave pipeline mode. What precedes them is committed."""
        try:
            while self._pending_results:
                self._read_result()
            if self._open_synchronisations:
                self._read_synchronisation()
        except psycopg.Error as error:
            _log_failed_follower(error)
            self._prepared_names = {}  # those of the followers may be unknown
            self._abort_pipeline()
        else:
            self._libpq.exit_pipeline_mode()

    def _send_synchronisation(self) -> None:
        self._open_synchronisations += 1
        self._libpq.pipeline_sync()
        self._flush_output()

    def _read_synchronisation(self) -> None:
        result = self._next_result()
        if result is None or result.status != ExecStatus.PIPELINE_SYNC:  # not committed
            raise psycopg.errors.error_from_result(result) if result else psycopg.OperationalError("connection lost")
        self._open_synchronisations -= 1

    def _abort_pipeline(self) -> None:
        """Discard all results up to the last synchronisation point, and leave pipeline mode."""
        self._pending_results.clear()
        if self._libpq.status != ConnStatus.OK:
            return
        try:
            if not self._open_synchronisations:
                self._libpq.send_query_params(b"ROLLBACK", [])  # skipped by the server if a statement has failed
                self._send_synchronisation()
            while self._open_synchronisations and self._libpq.status == ConnStatus.OK:
                result = self._next_result()
                if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                    self._open_synchronisations -= 1
            self._libpq.exit_pipeline_mode()
        except psycopg.Error:
            self._libpq.finish()  # unusable from now on; the caller raises the first error


def _log_failed_follower(error: psycopg.Error) -> None:
    log.warning("followers.failed", error=type(error).__name__)


def _encode_parameter(value: Any) -> bytes | None:
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
