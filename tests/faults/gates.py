"""Gates in the database: whoever comes to a named point of its transaction waits there until the test opens it.

A trigger waits for an advisory lock that the test holds; nothing in the code under test knows of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import LiteralString

import psycopg
from psycopg import sql

from tests.support.stack import Database, Stack
from tests.support.waiting import until

LOCK = 777
COMMIT = "COMMIT"

FUNCTION = f"""
CREATE OR REPLACE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NULL; END $$
"""
# Found before the server's own function by sessions that begin while the gate is there.
NOTICE_GATE = f"""
CREATE SCHEMA test_gates;
CREATE FUNCTION test_gates.pg_notify(channel text, payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); PERFORM pg_catalog.pg_notify(channel, payload); END $$
"""
SEARCH_PATH = "ALTER DATABASE leadhub SET search_path = test_gates, pg_catalog, public"
WITHOUT_NOTICE_GATE = "ALTER DATABASE leadhub RESET search_path; DROP SCHEMA test_gates CASCADE"
WAITING = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LOCK} AND NOT granted"


class Gate:
    """One gate, closed as long as `connection` holds the lock."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))

    def waiting(self) -> set[int]:
        """The server processes that wait at it."""
        return {pid for (pid,) in self._connection.execute(WAITING)}

    def is_reached(self) -> bool:
        """Whether somebody waits at it."""
        return bool(self.waiting())

    def open(self) -> None:
        """Let through who waits, and whoever comes."""
        self._connection.execute("SELECT pg_advisory_unlock_all()")


class Gates:
    """The gates of a stack's database."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    @contextmanager
    def closed(self, table: str, moment: LiteralString, *, only: LiteralString = "") -> Iterator[Gate]:
        """A gate that is closed until it is opened or the block ends. `moment`: `BEFORE INSERT`, `AFTER INSERT` and the
        like, or `COMMIT`: just before the commit of a transaction that inserted there. `only`: a condition on NEW, for
        `AFTER INSERT`."""
        try:
            with self._stack.database() as connection:
                connection.execute(FUNCTION)
                connection.execute(_trigger(table, moment, only))
                yield Gate(connection)
        finally:
            self._remove(table)

    @contextmanager
    def closed_to_notices(self) -> Iterator[Gate]:
        """A gate before each notification of the sessions that begin from now on."""
        with self._stack.database() as connection:
            connection.execute(NOTICE_GATE)
            connection.execute(SEARCH_PATH)
            try:
                yield Gate(connection)
            finally:
                connection.execute(WITHOUT_NOTICE_GATE)

    def _remove(self, table: str) -> None:
        def removed() -> bool:
            with suppress(psycopg.OperationalError), self._stack.database() as connection:
                connection.execute(sql.SQL("DROP TRIGGER IF EXISTS test_gate ON {}").format(sql.Identifier(table)))
                return True
            return False

        until(removed, what="the removal of the gate")


def _trigger(table: str, moment: LiteralString, only: LiteralString) -> sql.Composed:
    place = sql.Identifier(table)
    if moment == COMMIT:
        statement = "CREATE CONSTRAINT TRIGGER test_gate AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED "
        return sql.SQL(statement + "FOR EACH ROW EXECUTE FUNCTION test_gate()").format(place)
    scope = f"ROW WHEN ({only})" if only else "STATEMENT"
    statement = f"CREATE TRIGGER test_gate {moment} ON {{}} FOR EACH {scope} EXECUTE FUNCTION test_gate()"
    return sql.SQL(statement).format(place)
