"""The database that a restore fills beside the real one."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from cli.dump import maintenance_connection, side_database, swap_in_side_database


def is_there(server: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    return server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


@contextmanager
def interrupted_once_there(url: str, name: str) -> Iterator[None]:
    """Ctrl-C for this thread in the moment in which a database appears, which is before its maker is told."""
    this = threading.get_ident()

    def watch() -> None:
        with maintenance_connection(url) as server:
            until = time.monotonic() + 60
            while not is_there(server, name) and time.monotonic() < until:
                pass
        signal.pthread_kill(this, signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()


def wait_for_interrupt() -> None:
    """Sleep in short turns: a signal that comes right before a sleep would only be noticed at the end of it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        time.sleep(0.02)


@pytest.mark.extended
@pytest.mark.parametrize("_", range(4))
def test_interrupted_side_database_is_removed(_: int, database_url: str) -> None:
    name = f"{conninfo_to_dict(database_url)['dbname']}_restoring"
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_once_there(database_url, name),
        side_database(database_url),
    ):
        wait_for_interrupt()
    with maintenance_connection(database_url) as server:
        assert not is_there(server, name)


@pytest.mark.extended
@pytest.mark.parametrize("name", ["a" * 63, "日" * 21, "é" * 31])
def test_side_database_name_is_unique_at_any_length(name: str, database_url: str) -> None:
    """PostgreSQL takes 63 bytes of a name."""
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    with maintenance_connection(url) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            before = server.execute("SELECT oid FROM pg_database WHERE datname = %s", (name,)).fetchone()
            with side_database(url):
                now = server.execute("SELECT oid FROM pg_database WHERE datname = %s", (name,)).fetchone()
                assert now == before
                swap_in_side_database(url)
            assert is_there(server, name)
        finally:
            for each in server.execute("SELECT datname FROM pg_database WHERE datname ~ '^(aaa|日|é)'").fetchall():
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(each[0])))
