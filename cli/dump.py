"""Dump a PostgreSQL database with pg_dump and load it with pg_restore."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from cli.archive import COPY_CHUNK_BYTES, WriteBytes
from cli.pg_tools import client_command, find_pg_restore
from embedded.process import PROJECT_ROOT
from shared.platform.store_tls import explain_postgres_failure

DATABASE_IN_USE_MESSAGE = "others use the database; stop every service of LeadHub first"
OTHER_CONNECTIONS_SQL = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

# Rights and owners belong to the server, not to the data. Heartbeats belong to processes that are not restored, a
# session that was revoked since must not come back, and limits of a day have no use later.
TABLES_WITHOUT_DATA = ("processes", "recipient_limits", "sessions", "sign_in_failures")
DUMP_OPTIONS = (
    *("--format=custom", "--no-owner", "--no-privileges"),
    *(f"--exclude-table-data={table}" for table in TABLES_WITHOUT_DATA),
)
RESTORE_OPTIONS = ("--no-owner", "--no-privileges", "--no-comments")  # only a superuser may comment on extensions

# pg_restore 17 and newer set it on servers that do not know it, and can be told only to go on after any error.
UNKNOWN_SETTING_ERROR = 'unrecognized configuration parameter "transaction_timeout"'
ONE_ERROR_IGNORED = "errors ignored on restore: 1"


async def dump_database(url: str, snapshot: str, program: str, write: WriteBytes) -> None:
    """Dump the database at an exported snapshot with the pg_dump `program`, and pass the output to `write` in chunks.

    RuntimeError if pg_dump fails.
    """
    command, env = client_command(program, url, *DUMP_OPTIONS, f"--snapshot={snapshot}")
    with TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=env, cwd=PROJECT_ROOT
        )
        assert process.stdout  # noqa: S101 - a pipe, as asked for above
        while data := await process.stdout.read(COPY_CHUNK_BYTES):
            write(data)
        if await process.wait():
            raise RuntimeError(f"pg_dump failed: {explain_postgres_failure(_reported_errors(errors))}")


def load_dump(url: str, source: IO[bytes], programs_folder: str = "") -> None:
    """Fill an empty database from a dump. RuntimeError if any part of it could not be restored.

    `programs_folder` is that of the setting for the embedded server.
    """
    with psycopg.connect(url, connect_timeout=3) as connection:
        major = connection.info.server_version // 10000
    strict = ("--exit-on-error",) if major >= 17 else ()
    command, env = client_command(find_pg_restore(major, source, programs_folder), url, *RESTORE_OPTIONS, *strict)
    with TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=env, cwd=PROJECT_ROOT
        ) as process:
            assert process.stdin  # noqa: S101 - a pipe, as asked for above
            with suppress(BrokenPipeError), process.stdin as sink:  # why it ended is in `errors`
                shutil.copyfileobj(source, sink, COPY_CHUNK_BYTES)
        output = _reported_errors(errors)
        harmless = not strict and UNKNOWN_SETTING_ERROR in output and output.endswith(ONE_ERROR_IGNORED)
        if process.returncode and not harmless:
            raise RuntimeError(f"pg_restore failed: {explain_postgres_failure(output)}")


@contextmanager
def side_database(url: str) -> Iterator[str]:
    """Yield the URL of a new empty database on the same server. Drop it at the end unless it became the real one."""
    _, side, _ = _database_names(url)
    drop_leftover_databases(url)
    try:
        with maintenance_connection(url) as server:
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(side)))
        yield _database_url(url, side)
    finally:  # on a new connection: an interrupt may come when the database exists, but before the reply
        with maintenance_connection(url) as server:
            _drop_databases(server, side)


def swap_in_side_database(url: str) -> None:
    """Replace the real database with the side database in one transaction. RuntimeError while others use it."""
    real, side, old = _database_names(url)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with maintenance_connection(url) as server:
        try:
            with server.transaction():
                server.execute(rename.format(sql.Identifier(real), sql.Identifier(old)))
                server.execute(rename.format(sql.Identifier(side), sql.Identifier(real)))
        except psycopg.errors.ObjectInUse:
            raise RuntimeError(DATABASE_IN_USE_MESSAGE) from None


def drop_leftover_databases(url: str) -> None:
    """Drop the replaced database and the leftovers of a killed restore."""
    with maintenance_connection(url) as server:
        _drop_databases(server, *_database_names(url)[1:])


def refuse_if_in_use(url: str) -> None:
    """Raise RuntimeError if others are connected, before any work is done. The renaming would fail later."""
    with maintenance_connection(url) as server:
        row = server.execute(OTHER_CONNECTIONS_SQL, (_database_names(url)[0],)).fetchone()
    if row and row[0]:
        raise RuntimeError(DATABASE_IN_USE_MESSAGE)


@contextmanager
def maintenance_connection(url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """Yield an autocommit connection to the server that uses none of our databases."""
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True, connect_timeout=3) as connection:
        yield connection


def _database_url(url: str, database: str) -> str:
    """Return the URL of another database of the same server. Only SQLAlchemy writes a space as `+`."""
    from sqlalchemy import make_url  # late: `up` drops leftovers without it

    rendered = make_url(url).set(database=database).render_as_string(hide_password=False)
    server, mark, query = rendered.partition("?")
    return f"{server}{mark}{query.replace('+', '%20')}"


def _database_names(url: str) -> tuple[str, str, str]:
    """Return the names of the real, the side and the replaced database. PostgreSQL truncates names to 63 bytes."""
    real = str(conninfo_to_dict(url)["dbname"])
    short = real.encode()[:40].decode(errors="ignore")
    return real, f"{short}_restoring", f"{short}_before_restore"


def _drop_databases(server: psycopg.Connection[TupleRow], *names: str) -> None:
    for name in names:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _reported_errors(errors: IO[bytes]) -> str:
    """Return the error lines of a program, without the rows that PostgreSQL quotes in a DETAIL or CONTEXT."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return "; ".join(line for line in lines if line.startswith("pg_"))[-1000:]
