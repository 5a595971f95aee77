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

from shared.db import Connection, numbered, open_connection
from shared.journal import APPEND, APPEND_SOON, Row

STATEMENTS = {b"append": APPEND, b"append_soon": APPEND_SOON}
DURABLE, SOON = STATEMENTS
DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
FORMATS = (0, 0, 0, 0, 1)  # text, except for the document


class Appender:
    """A connection that appends one row at a time. It calls `rest` with itself when it can take the next row."""

    def __init__(self, connection: Connection, rest: Callable[["Appender"], None]) -> None:
        self._libpq = connection.pgconn
        # A descriptor of our own: libpq may close its one at any time, and another connection may get that number.
        self._socket = os.dup(connection.fileno())
        self._rest = rest
        self._loop = asyncio.get_running_loop()
        self._stored: asyncio.Future[None] | None = None
        self._loop.add_reader(self._socket, self._read)
        self.works = True

    def append(self, row: Row, *, durable: bool = True) -> asyncio.Future[None]:
        """Store a row and return a future, done when the row is committed, and on disk if it is to be `durable`.

        The future raises psycopg's errors.
        """
        self._stored = stored = self._loop.create_future()
        values = (row.accepted.encode(), b"%d" % row.lane, b"%d" % row.n, row.ids.encode(), row.document)
        try:
            self._libpq.send_query_prepared(DURABLE if durable else SOON, values, FORMATS)
            self._flush()
        except psycopg.Error as error:
            self._break(error)
        return stored

    def _flush(self) -> None:
        """Send as much as the socket takes, and the rest when it takes more."""
        if self._libpq.flush():
            self._loop.add_writer(self._socket, self._flush_more)

    def _flush_more(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._flush()
        except psycopg.Error as error:
            self._break(error)

    def _read(self) -> None:
        try:
            self._libpq.consume_input()
            if self._stored is None or self._libpq.is_busy():
                return
            results = list(iter(self._libpq.get_result, None))
        except psycopg.Error as error:
            self._break(error)
        else:
            self._settle(results)

    def _settle(self, results: list[PGresult]) -> None:
        failed = [result for result in results if result.status not in DONE]
        self._tell(psycopg.errors.error_from_result(failed[0]) if failed else None)
        self._rest(self)

    def _break(self, error: psycopg.Error) -> None:
        self.close()
        self._tell(error)

    def _tell(self, error: psycopg.Error | None) -> None:
        stored, self._stored = self._stored, None
        if stored is None or stored.done():
            return
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)

    def close(self) -> None:
        if self.works:
            self.works = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            os.close(self._socket)
            self._libpq.finish()


class Appenders:
    """Connections for all rows appended at the same time: one for each lane, more only while PostgreSQL is slow."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._resting: list[Appender] = []

    def append(self, row: Row, *, durable: bool) -> asyncio.Future[None]:
        """Store a row on an idle connection or a new one. The future raises the errors of an unavailable database."""
        while self._resting:
            appender = self._resting.pop()
            if appender.works:
                return appender.append(row, durable=durable)
        return asyncio.create_task(self._append_anew(row, durable))

    async def _append_anew(self, row: Row, durable: bool) -> None:
        await (await self._open()).append(row, durable=durable)

    async def _open(self) -> Appender:
        connection = await open_connection(self._url, "leadhub journal")
        for name, statement in STATEMENTS.items():
            await connection.execute(f"PREPARE {name.decode()} AS {numbered(statement)}")
        return Appender(connection, self._resting.append)

    def close(self) -> None:
        while self._resting:
            self._resting.pop().close()
