"""Data dirs to back up without running `up`, and what a backup or a data dir holds."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import redis.asyncio as redis

from cli.dump import maintenance_connection
from embedded.servers import ensure_servers
from shared.intake.journal import Lane, NewJournalRow
from shared.intake.spool import Spool
from shared.platform.settings import Settings
from tests.support.ingesting import item
from tests.support.stack import Stack


@contextmanager
def started(stack: Stack) -> Iterator[Stack]:
    """`up` on a data dir that is there already."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def make_workspace(stack: Stack) -> None:
    """The workspace `main`, with id 1, on a data dir on which nothing runs."""
    stack.run("workspace", "create", "main", "--name", "Main")


async def spool_two(folder: Path, times: int = 1) -> None:
    """Two submissions, accepted while PostgreSQL was away, in as many entries."""
    rows = [
        NewJournalRow.from_items(Lane.PROMPT, [item(1, {"email": f"{name}@example.com"})], "nobody")
        for name in ("ada", "bob")
    ]
    settings = Settings(data_dir=folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings, want=("spool",)) as found:
        async with redis.Redis.from_url(found.spool_url, socket_timeout=5) as client:
            for row in rows * times:
                await Spool(client).append_row(row)


def manifest_of(file: Path) -> dict[str, Any]:
    """What a backup says of itself."""
    with tarfile.open(file) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        found: dict[str, Any] = json.loads(member.read())
        return found


def is_private_and_whole(file: Path) -> bool:
    """Whether only its owner can read a backup, and nothing half made lies beside it."""
    return file.stat().st_mode & 0o777 == 0o600 and not file.with_name(f"{file.name}.part").exists()


def secret_of(stack: Stack) -> str:
    """The key that encrypts credentials."""
    return (stack.folder / "secrets" / "key").read_text()


def has_database(stack: Stack, name: str) -> bool:
    """Asked beside `leadhub`, since a restore goes on only while nobody else uses that one."""
    try:
        with maintenance_connection(stack.database_url) as server:
            row = server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
    except psycopg.OperationalError:  # only just starting
        return False
    return row is not None


def execute(stack: Stack, statements: LiteralString) -> None:
    """Change the database of a data dir on which nothing runs."""
    settings = Settings(data_dir=stack.folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found, psycopg.connect(found.database_url) as database:
        database.execute(statements)


def databases_of(stack: Stack) -> set[str]:
    """The databases of an embedded server on which nothing runs."""
    settings = Settings(data_dir=stack.folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found, psycopg.connect(found.database_url) as database:
        rows = database.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()
    return {name for (name,) in rows}
