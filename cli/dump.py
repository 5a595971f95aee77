"""A PostgreSQL database into a dump and out of it, by pg_dump and pg_restore."""

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

from cli.archive import CHUNK, Write
from cli.pg_tools import client, restorer
from shared.embedded.process import PROJECT_ROOT

IN_USE = "others use the database; stop every service of LeadHub first"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

# Rights and owners belong to the server, not to the data. Heartbeats are of processes that will not come along.
DUMP = ("--format=custom", "--no-owner", "--no-privileges", "--exclude-table-data=processes")
RESTORE = ("--no-owner", "--no-privileges", "--no-comments")  # comments on extensions are for a superuser to make

# pg_restore 17 and newer set it on servers that do not know it, and can be told only to go on after any error.
UNKNOWN_SETTING = 'unrecognized configuration parameter "transaction_timeout"'
ONE_ERROR = "errors ignored on restore: 1"


async def dump(url: str, snapshot: str, program: str, write: Write) -> None:
    """The database as the exported snapshot sees it, given to `write` bit by bit by that pg_dump. RuntimeError if
    that fails."""
    command, env = client(program, url, *DUMP, f"--snapshot={snapshot}")
    with TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=env, cwd=PROJECT_ROOT
        )
        assert process.stdout  # noqa: S101 - a pipe, as asked for above
        while data := await process.stdout.read(CHUNK):
            write(data)
        if await process.wait():
            raise RuntimeError(f"pg_dump failed: {_said(errors)}")


def load(url: str, source: IO[bytes]) -> None:
    """Fill an empty database from a dump. RuntimeError if anything of it could not be restored."""
    with psycopg.connect(url, connect_timeout=3) as connection:
        major = connection.info.server_version // 10000
    strict = ("--exit-on-error",) if major >= 17 else ()
    command, env = client(restorer(major, source), url, *RESTORE, *strict)
    with TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=env, cwd=PROJECT_ROOT
        ) as process:
            assert process.stdin  # noqa: S101 - a pipe, as asked for above
            with suppress(BrokenPipeError), process.stdin as sink:  # why it ended is in `errors`
                shutil.copyfileobj(source, sink, CHUNK)
        said = _said(errors)
        harmless = not strict and UNKNOWN_SETTING in said and said.endswith(ONE_ERROR)
        if process.returncode and not harmless:
            raise RuntimeError(f"pg_restore failed: {said}")


@contextmanager
def side_database(url: str) -> Iterator[str]:
    """The URL of an empty database beside that of `url`; gone at the end unless `take_place` made it the real one."""
    _, side, _ = _names(url)
    drop_leftovers(url)
    try:
        with maintenance(url) as server:
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(side)))
        yield _url_of(url, side)
    finally:  # on a connection of its own: who interrupts the making may do so when it is made and not yet answered
        with maintenance(url) as server:
            _drop(server, side)


def take_place(url: str) -> None:
    """Put the side database in the place of the real one, in one transaction. RuntimeError while others use that."""
    real, side, old = _names(url)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with maintenance(url) as server:
        try:
            with server.transaction():
                server.execute(rename.format(sql.Identifier(real), sql.Identifier(old)))
                server.execute(rename.format(sql.Identifier(side), sql.Identifier(real)))
        except psycopg.errors.ObjectInUse:
            raise RuntimeError(IN_USE) from None


def drop_leftovers(url: str) -> None:
    """Drop the database that was replaced, and what a killed restore left beside it."""
    with maintenance(url) as server:
        _drop(server, *_names(url)[1:])


def refuse_if_used(url: str) -> None:
    """RuntimeError when others are connected: found now, rather than by the renaming at the very end."""
    with maintenance(url) as server:
        row = server.execute(OTHERS, (_names(url)[0],)).fetchone()
    if row and row[0]:
        raise RuntimeError(IN_USE)


@contextmanager
def maintenance(url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection to the server that uses none of our databases, autocommit."""
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True, connect_timeout=3) as connection:
        yield connection


def _url_of(url: str, database: str) -> str:
    """The URL of another database of the same server. A space in a socket's folder is `+` to SQLAlchemy alone."""
    from sqlalchemy import make_url  # late: `up` drops leftovers without it

    rendered = make_url(url).set(database=database).render_as_string(hide_password=False)
    server, mark, query = rendered.partition("?")
    return f"{server}{mark}{query.replace('+', '%20')}"


def _names(url: str) -> tuple[str, str, str]:
    """Of the real database, of the one beside it and of the one replaced. PostgreSQL cuts names off at 63 bytes."""
    real = str(conninfo_to_dict(url)["dbname"])
    short = real.encode()[:40].decode(errors="ignore")
    return real, f"{short}_restoring", f"{short}_before_restore"


def _drop(server: psycopg.Connection[TupleRow], *names: str) -> None:
    for name in names:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _said(errors: IO[bytes]) -> str:
    """What a program complained of; the rows that PostgreSQL quotes in a DETAIL or CONTEXT are left out."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return "; ".join(line for line in lines if line.startswith("pg_"))[-1000:]
