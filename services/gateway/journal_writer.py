"""Append rows to the journal on connections that do nothing else: a gateway's most frequent use of PostgreSQL.

They use libpq directly. psycopg needs a pool, a cursor, a task, and a wait that registers the socket and removes it
again. With it a flush costs several times as much.
"""

import asyncio
import os
from collections.abc import Callable

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from services.gateway.recent_rows import read_timeline
from shared.intake.journal import APPEND_ROW_ASYNC_SQL, APPEND_ROW_SQL, NewJournalRow
from shared.platform.db.connections import Connection, native_placeholders, open_connection

APPEND_STATEMENTS = {b"append": APPEND_ROW_SQL, b"append_soon": APPEND_ROW_ASYNC_SQL}
DURABLE_APPEND, ASYNC_APPEND = APPEND_STATEMENTS
SUCCESS_STATUSES = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
PARAMETER_FORMATS = (0, 0, 0, 0, 1)  # text, except for the document


class JournalConnection:
    """A connection that appends one row at a time.

    It calls `rest` with itself when it can take the next row, and `fail` when it broke.
    """

    def __init__(
        self, connection: Connection, rest: Callable[["JournalConnection"], None], fail: Callable[[], None]
    ) -> None:
        self._pgconn = connection.pgconn
        # A descriptor of our own: libpq may close its one at any time, and another connection may get that number.
        self._socket = os.dup(connection.fileno())
        self._on_idle = rest
        self._on_failure = fail
        self._loop = asyncio.get_running_loop()
        self._pending_row: asyncio.Future[None] | None = None
        self._loop.add_reader(self._socket, self._read_results)
        self.is_open = True

    def append_row(self, row: NewJournalRow, *, durable: bool = True) -> asyncio.Future[None]:
        """Store a row and return a future, done when the row is committed, and on disk if it is to be `durable`.

        The future raises psycopg's errors.
        """
        self._pending_row = stored = self._loop.create_future()
        values = (row.accepted.encode(), b"%d" % row.lane, b"%d" % row.n, row.ids.encode(), row.document)
        try:
            self._pgconn.send_query_prepared(DURABLE_APPEND if durable else ASYNC_APPEND, values, PARAMETER_FORMATS)
            self._flush_output()
        except psycopg.Error as error:
            self._fail_connection(error)
        return stored

    def _flush_output(self) -> None:
        """Send as much as the socket takes, and the rest when it takes more."""
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._continue_flush)

    def _continue_flush(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._flush_output()
        except psycopg.Error as error:
            self._fail_connection(error)

    def _read_results(self) -> None:
        try:
            self._pgconn.consume_input()
            if self._pending_row is None or self._pgconn.is_busy():
                return
            results = list(iter(self._pgconn.get_result, None))
        except psycopg.Error as error:
            self._fail_connection(error)
        else:
            self._finish_row(results)

    def _finish_row(self, results: list[PGresult]) -> None:
        failed = [result for result in results if result.status not in SUCCESS_STATUSES]
        self._resolve_pending(psycopg.errors.error_from_result(failed[0]) if failed else None)
        self._on_idle(self)

    def _fail_connection(self, error: psycopg.Error) -> None:
        self.close()
        self._on_failure()
        self._resolve_pending(error)

    def _resolve_pending(self, error: psycopg.Error | None) -> None:
        stored, self._pending_row = self._pending_row, None
        if stored is None or stored.done():
            return
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            os.close(self._socket)
            self._pgconn.finish()


class JournalWriter:
    """Connections for all rows appended at the same time: one for each lane, more only while PostgreSQL is slow."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._timeline = ""
        self._has_broken = False  # whether a connection broke since the last one was opened
        self.on_promotion: Callable[[], None] = lambda: None  # called when another server is the primary
        self._idle_connections: list[JournalConnection] = []

    def append_row(self, row: NewJournalRow, *, durable: bool) -> asyncio.Future[None]:
        """Store a row on an idle connection or a new one. The future raises the errors of an unavailable database."""
        while self._idle_connections:
            appender = self._idle_connections.pop()
            if appender.is_open:
                return appender.append_row(row, durable=durable)
        return asyncio.create_task(self._append_on_new_connection(row, durable))

    async def _append_on_new_connection(self, row: NewJournalRow, durable: bool) -> None:
        await (await self._open_connection()).append_row(row, durable=durable)

    async def _open_connection(self) -> JournalConnection:
        connection = await open_connection(self._url, "leadhub journal")
        await self._note_timeline(connection)
        for name, statement in APPEND_STATEMENTS.items():
            await connection.execute(f"PREPARE {name.decode()} AS {native_placeholders(statement)}")
        self._has_broken = False
        return JournalConnection(connection, self._idle_connections.append, self._note_failure)

    async def replace_broken(self) -> None:
        """Open a connection in place of one that broke, to see which server is the primary. Raises psycopg's errors."""
        if self._has_broken:
            self._idle_connections.append(await self._open_connection())

    def _note_failure(self) -> None:
        self._has_broken = True

    async def _note_timeline(self, connection: Connection) -> None:
        known, self._timeline = self._timeline, await read_timeline(connection)
        if known not in ("", self._timeline):
            self.on_promotion()

    def close(self) -> None:
        while self._idle_connections:
            self._idle_connections.pop().close()
