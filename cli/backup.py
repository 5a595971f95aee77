"""`backup`: write the whole state into one file while all services keep running.

The spool is read before the database. An entry that moves into the journal meanwhile is then in both, and ingest drops
the repeat. In the other order the entry would be in neither.
"""

import asyncio
import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
import psycopg
import redis.asyncio as redis
from psycopg import IsolationLevel

from cli.archive import (
    ARCHIVE_FORMAT,
    DUMP_MEMBER,
    FILES_MEMBER,
    KEY_MEMBER,
    MANIFEST_MEMBER,
    SPOOL_MEMBER,
    ArchiveManifest,
    ArchiveWriter,
    WriteBytes,
    refuse_existing_file,
    writing_archive,
)
from cli.common import data_dir_option, expect_installation, make_settings, notify_operator, warn_of_wrong_key
from cli.dump import dump_database
from cli.pg_tools import find_pg_dump
from cli.saved_files import count_missing, missing_files_message, save_files
from cli.schema import upgrade_database
from cli.spool_check import check_spool_durability
from embedded.servers import ensure_servers
from shared import __version__
from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.platform.crypto.encryption import key_source
from shared.platform.db.advisory_locks import KEY_ROTATION_LOCK
from shared.platform.db.connections import Connection, connect
from shared.platform.settings import Settings

LEDGER_STATES = ("accepted", "done", "pending", "dead", "quarantined", "spooled")
REPORT_INTERVAL_BYTES = 64 << 20  # bytes


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if there is one.")
@click.option("--without-key", is_flag=True, help="Leave out the key that encrypts stored credentials.")
@click.option("--allow-missing-files", is_flag=True, help="Exit with 0 although files of visitors are missing.")
@data_dir_option
def backup(file: Path, force: bool, without_key: bool, allow_missing_files: bool) -> None:
    """Write the whole state into FILE, while everything goes on.

    FILE is one tar archive; its path is printed. It holds the database, what waits in the spool, the files that
    visitors sent (not those that are in S3), and the key that encrypts stored credentials: whoever has FILE can read
    all of them. With --without-key nobody can read the credentials without that key: keep the key elsewhere. Every
    lead acknowledged before the command began is in FILE.

    Exit status 1 also if files that the database names are not in LEADHUB_FILES_DIR. FILE is whole but for them.

    Example: leadhub backup /backups/leadhub-$(date +%F).tar
    """
    refuse_existing_file(file, force=force)
    settings = make_settings()
    expect_installation(settings)
    check_spool_durability(settings, must_answer=True)
    with (
        plain_server_errors(),
        ensure_servers(settings, want=("spool", "postgres")) as servers,
        writing_archive(file) as archive,
    ):
        if not settings.database_url:
            upgrade_database(servers.database_url)
        asyncio.run(_save_state(servers, archive, with_key=not without_key, embedded=not settings.database_url))
        missing = asyncio.run(count_missing(servers.database_url, settings.files_folder))
    complete = "has all but some files of visitors" if missing else "is complete"
    notify_operator(f"the backup {complete}: {file.stat().st_size:,} bytes")
    click.echo(file)
    if without_key:
        notify_operator(
            "the backup holds no key: keep secrets/key of the data dir, or LEADHUB_SECRET_KEY, in another place"
        )
    if missing:
        notify_operator(missing_files_message(missing, settings.files_folder))
        sys.exit(0 if allow_missing_files else 1)


async def _save_state(settings: Settings, archive: ArchiveWriter, *, with_key: bool, embedded: bool) -> None:
    with archive.writing_member(SPOOL_MEMBER) as write:
        spooled = await _save_spool(settings.spool_url, write)
    notify_operator(f"spool: {spooled} submissions")
    version, books = await _save_database(settings, archive, spooled, with_key=with_key, embedded=embedded)
    with archive.writing_member(FILES_MEMBER) as write:
        notify_operator(f"files: {save_files(settings.files_folder, write)}")
    if settings.files_url:
        notify_operator("the backup holds no files that are in S3: the bucket needs a backup of its own")
    manifest = ArchiveManifest(
        format=ARCHIVE_FORMAT,
        leadhub=__version__,
        postgresql=version,
        made_at=datetime.now(UTC),
        ledger=books,
        sha256=archive.sha256,
    )
    with archive.writing_member(MANIFEST_MEMBER) as write:
        write(manifest.model_dump_json(indent=2).encode())


async def _save_spool(url: str, write: WriteBytes) -> int:
    """Write one line per entry and return the number of submissions."""
    spooled = 0
    async with redis.Redis.from_url(url, socket_timeout=5) as client:
        async for entry in Spool(client).all_entries():
            row = entry.row
            fields = {"lane": row.lane, "n": row.n, "ids": row.ids, "accepted": row.accepted}
            line = {"id": entry.id.decode(), **fields, "document": base64.b64encode(row.document).decode()}
            write(orjson.dumps(line) + b"\n")
            spooled += row.n
    return spooled


async def _save_database(
    settings: Settings, archive: ArchiveWriter, spooled: int, *, with_key: bool = True, embedded: bool = True
) -> tuple[str, dict[str, int]]:
    """Save the keys and the dump. Return the server's version and the ledger of the snapshot that was dumped.

    A lock keeps key rotations out meanwhile: otherwise the dump might need a key that is not in the archive.
    """
    url = settings.database_url
    async with connect(url, "leadhub-cli") as connection:
        await connection.execute("SELECT pg_advisory_lock_shared(%s)", (KEY_ROTATION_LOCK,))
        await warn_of_wrong_key(connection, settings)
        if with_key:
            with archive.writing_member(KEY_MEMBER) as write:
                write(key_source(settings)().encode())
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.execute("SET idle_in_transaction_session_timeout = 0")  # it idles while pg_dump works
        async with connection.transaction():
            books = await ledger_with_spool(connection, spooled)
            row = await (await connection.execute("SELECT pg_export_snapshot()")).fetchone()
            major, own = connection.info.server_version // 10000, settings.embedded_postgres
            program = find_pg_dump(major, embedded=embedded, programs_folder=own)
            with archive.writing_member(DUMP_MEMBER) as write:
                await dump_database(url, row[0] if row else "", program, _with_progress(write))
        return connection.info.parameter_status("server_version") or "", books


def _with_progress(write: WriteBytes) -> WriteBytes:
    """Return `write` with a progress line to the operator every 64 MiB."""
    done = 0

    def write_and_report(data: bytes) -> None:
        nonlocal done
        write(data)
        done += len(data)
        if done % REPORT_INTERVAL_BYTES < len(data):
            notify_operator(f"database: {done >> 20} MiB")

    return write_and_report


async def ledger_with_spool(connection: Connection, spooled: int) -> dict[str, int]:
    """Return the ledger of a database, with that many submissions in the spool added."""
    state = {**await ledger.read_ledger(connection, None), "spooled": spooled}
    return {name: int(state[name]) + (spooled if name == "accepted" else 0) for name in LEDGER_STATES}


@contextmanager
def plain_server_errors() -> Iterator[None]:
    """Turn errors of the servers into errors of the command."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        raise  # the command line names the setting or the remedy for these
    except (psycopg.Error, redis.RedisError) as error:
        raise RuntimeError(str(error).strip()) from None
