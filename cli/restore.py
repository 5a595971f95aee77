"""`restore`: load the state that `backup` wrote next to the present state, then replace the present state with it.

The renaming of the database is the moment of change. The spool and the key follow within milliseconds, and the old
state is dropped; signals are delayed meanwhile. If a restore is killed in between, `up` refuses the state until the
restore runs again with `--force`.
"""

import asyncio
import base64
import signal
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import click
import orjson
import psycopg
import redis
from alembic.util import CommandError

from cli.archive import (
    DUMP_MEMBER,
    FILES_MEMBER,
    KEY_MEMBER,
    SPOOL_MEMBER,
    ArchiveManifest,
    BackupArchive,
    reading_archive,
)
from cli.backup import ledger_with_spool, plain_server_errors
from cli.common import data_dir_option, make_settings, notify_operator, print_table, warn_of_wrong_key
from cli.dump import drop_leftover_databases, load_dump, refuse_if_in_use, side_database, swap_in_side_database
from cli.erasures_since import apply_known_erasures, read_known_erasures
from cli.saved_files import count_missing, load_files, missing_files_message
from cli.schema import RESTORING_VERSION, database_version, stamp_version, upgrade_database
from cli.spool_check import check_spool_durability
from embedded.servers import EmbeddedServers, run_program
from shared.intake.spool import SPOOL_COUNT_KEY, SPOOL_REPEATS_KEY, SPOOL_STREAM, SPOOL_WORKSPACES_KEY
from shared.platform.crypto.encryption import split_keys
from shared.platform.data_dir import COMMAND_KIND, DataDir, DataDirInUse
from shared.platform.data_dir import ENCRYPTION_KEY_NAME as KEY_FILE
from shared.platform.db.connections import connect
from shared.platform.settings import Settings
from shared.platform.store_tls import explain_postgres_failure

SIDE_STREAM = f"{SPOOL_STREAM}:restoring"
SIDE_WORKSPACES = f"{SPOOL_WORKSPACES_KEY}:restoring"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENTRIES_PER_ROUND_TRIP = 100  # spool entries per round trip and fsync
NO_KEY_MESSAGE = (
    "the backup holds no key, and the key that is here stays: if the services had another one, put that into "
    "secrets/key of the data dir, or into LEADHUB_SECRET_KEY"
)
LOST_FEED_EVENTS = 10**9  # more than came in any feed since the backup
LIFT_FEED_POSITIONS_SQL = "UPDATE event_feeds SET last_position = last_position + %s"
HOLDS_LEADS_SQL = """
SELECT EXISTS (SELECT FROM leads) OR EXISTS (SELECT FROM submissions) OR EXISTS (SELECT FROM journal)
    OR EXISTS (SELECT FROM source_fetches)
"""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the leads that are there.")
@data_dir_option
def restore(file: Path, force: bool) -> None:
    """Make the state what it was when FILE was written.

    Prints the ledger that is there then. Nothing may run on the data dir, nor use the database. What is there stays as
    it is until all of FILE has been restored beside it and its ledger is right; who interrupts it before changes
    nothing. Then `up` goes on from there.

    Example: leadhub restore /backups/leadhub-2026-03-28.tar --data-dir /var/lib/leadhub
    """
    settings = make_settings()
    interrupts = _record_interrupts()
    with plain_server_errors(), ExitStack() as stack:
        with _nothing_changed_on_failure():
            check_spool_durability(settings, must_answer=True)
            archive = stack.enter_context(reading_archive(file))
            found_settings = stack.enter_context(exclusive_settings(EmbeddedServers(settings)))
            _refuse_unfit_backup(found_settings, archive.manifest, force)
            keys = archive.open_member(KEY_MEMBER).read().decode() if archive.has_key else None
            side = stack.enter_context(side_database(found_settings.database_url))
            stack.enter_context(_side_stream(found_settings.spool_url))
            books = _fill_side(side, found_settings, archive, keys)
            tables_version = database_version(side)
            stamp_version(side, RESTORING_VERSION)
            if archive.has_files:
                notify_operator(f"files: {load_files(settings.files_folder, archive.open_member(FILES_MEMBER))}")
            if interrupts:
                raise KeyboardInterrupt
        with _signals_held_back():
            _switch_over(found_settings, books["spooled"], keys, tables_version)
            _report_restored(settings, archive.manifest, keys)
            drop_leftover_databases(found_settings.database_url)
            if keys is None:
                notify_operator(NO_KEY_MESSAGE)
                asyncio.run(_compare_key(found_settings))
            if missing := asyncio.run(count_missing(found_settings.database_url, settings.files_folder)):
                notify_operator(missing_files_message(missing, settings.files_folder))


def _record_interrupts() -> list[int]:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM. Note each one: Python drops exceptions of destructors."""
    came: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for each in STOP_SIGNALS:
        signal.signal(each, interrupt)
    return came


@contextmanager
def _nothing_changed_on_failure() -> Iterator[None]:
    """Report an interrupt or a failure inside the block with the words that nothing was changed."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        notify_operator("interrupted; nothing was changed")
        # This closes a half-open connection: PostgreSQL would wait for it before it drops a database.
        traceback.clear_frames(interrupt.__traceback__)
        raise
    except (RuntimeError, OSError, psycopg.Error, redis.RedisError) as error:
        raise RuntimeError(f"{_explain_failure(error)}; nothing was changed") from None


def _explain_failure(error: Exception) -> str:
    """Return an error's message, with what to do if it was TLS to PostgreSQL."""
    return explain_postgres_failure(error) if isinstance(error, psycopg.Error) else str(error).strip()


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the block."""
    came: list[int] = []
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if came:
        signal.raise_signal(came[0])


@contextmanager
def exclusive_settings(embedded: EmbeddedServers) -> Iterator[Settings]:
    """Yield settings with URLs of running servers, with the data dir locked. UsageError while `up` runs there."""
    with ExitStack() as stack:
        try:
            stack.enter_context(embedded.data_dir.hold_lock(COMMAND_KIND))
        except DataDirInUse as error:
            raise click.UsageError(f"{error}; stop that one first") from None
        embedded.data_dir.forget_ports()
        for server in embedded.needed_servers:
            if server is not embedded.broker:
                stack.enter_context(run_program(server.child_program()))
        yield embedded.complete_settings()


def _refuse_unfit_backup(settings: Settings, manifest: ArchiveManifest, force: bool) -> None:
    """Raise RuntimeError if the archive does not fit here, UsageError if it would replace leads without `--force`."""
    with psycopg.connect(settings.database_url, connect_timeout=3) as connection:
        major = connection.info.server_version // 10000
        holds = _holds_leads(connection)
    if manifest.postgresql_major > major:
        made = f"the backup is of PostgreSQL {manifest.postgresql}"
        raise RuntimeError(f"{made} and cannot go into PostgreSQL {major}: restore it into {manifest.postgresql_major}")
    if not force and (holds or _holds_spooled(settings.spool_url)):
        raise click.UsageError("there are leads already; pass --force to replace all of them by the backup's")
    refuse_if_in_use(settings.database_url)


def _fill_side(side: str, settings: Settings, archive: BackupArchive, keys: str | None) -> dict[str, int]:
    """Load database and spool next to the present ones, erase whom was erased since, and return the backup's ledger."""
    notify_operator(f"restoring what LeadHub {archive.manifest.leadhub} saved")
    load_dump(side, archive.open_member(DUMP_MEMBER), settings.embedded_postgres)
    _upgrade_side(side)
    lift_feed_positions(side)
    spooled = _stage_spool(settings.spool_url, archive.open_member(SPOOL_MEMBER))
    books = asyncio.run(_read_ledger(side, spooled))
    if books != archive.manifest.ledger:
        raise RuntimeError(f"the ledger would be {books}, but was {archive.manifest.ledger}")
    if erased := asyncio.run(apply_known_erasures(side, settings, keys, read_known_erasures(settings))):
        notify_operator(f"erased again, since they were erased after the backup: {erased}")
    return books


def _switch_over(settings: Settings, spooled: int, keys: str | None, tables_version: str) -> None:
    """Replace database, spool and key, and note the number of the tables' migration.

    The message of the RuntimeError says how far it came.
    """
    with _nothing_changed_on_failure():
        swap_in_side_database(settings.database_url)
    try:
        _switch_spool(settings.spool_url, spooled)
        if keys is not None:
            DataDir(settings.data_dir).replace_secret(KEY_FILE, keys)
        stamp_version(settings.database_url, tables_version)
    except (OSError, psycopg.Error, redis.RedisError) as error:
        said = "the database is restored, the spool or the key is not: run it again, with --force"
        raise RuntimeError(f"{_explain_failure(error)}; {said}") from None


async def _compare_key(settings: Settings) -> None:
    async with connect(settings.database_url, "leadhub-cli") as connection:
        await warn_of_wrong_key(connection, settings)


def _report_restored(settings: Settings, manifest: ArchiveManifest, keys: str | None) -> None:
    given = settings.secret_key.get_secret_value()
    if keys is not None and given and not set(split_keys(keys)) <= set(split_keys(given)):
        notify_operator("LEADHUB_SECRET_KEY is not the backup's key: unset it, or stored credentials cannot be read")
    print_table([], [[name, count] for name, count in manifest.ledger.items()])
    notify_operator(f"restored the state of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC; its ledger equals the backup's")


def _upgrade_side(url: str) -> None:
    try:
        upgrade_database(url)
    except click.ClickException as error:
        raise RuntimeError(f"the backup does not fit this version. {error.message}") from None
    except CommandError as error:
        raise RuntimeError(f"the backup is of a newer LeadHub, whose tables this one does not know: {error}") from None


def lift_feed_positions(url: str) -> None:
    """Let new events stand behind all that readers have seen: some read what came after the backup."""
    with psycopg.connect(url) as connection:
        connection.execute(LIFT_FEED_POSITIONS_SQL, (LOST_FEED_EVENTS,))


@contextmanager
def _side_stream(url: str) -> Iterator[None]:
    """Empty the side stream, and delete it at the end unless it became the real stream."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.delete(SIDE_STREAM, SIDE_WORKSPACES)  # leftovers of a killed restore
        try:
            yield
        finally:
            client.delete(SIDE_STREAM, SIDE_WORKSPACES)


def _stage_spool(url: str, lines: IO[bytes]) -> int:
    """Write the spool's entries beside it under their old ids, and count them. Return the number of submissions."""
    spooled = 0
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        pipe = client.pipeline(transaction=False)
        for line in lines:
            fields: dict[Any, Any] = orjson.loads(line)
            entry_id, fields["document"] = fields.pop("id"), base64.b64decode(fields["document"])
            pipe.xadd(SIDE_STREAM, fields, id=entry_id)
            for workspace_id, n in orjson.loads(fields["accepted"]):
                pipe.hincrby(SIDE_WORKSPACES, workspace_id, n)
            spooled += fields["n"]
            if len(pipe) >= ENTRIES_PER_ROUND_TRIP:
                pipe.execute()
        pipe.execute()
    return spooled


def _switch_spool(url: str, spooled: int) -> None:
    with redis.Redis.from_url(url, socket_timeout=5) as client, client.pipeline(transaction=True) as pipe:
        if spooled:
            pipe.rename(SIDE_STREAM, SPOOL_STREAM)
            pipe.rename(SIDE_WORKSPACES, SPOOL_WORKSPACES_KEY)
        else:
            pipe.delete(SPOOL_STREAM, SPOOL_WORKSPACES_KEY)
        pipe.set(SPOOL_COUNT_KEY, spooled)
        pipe.delete(SPOOL_REPEATS_KEY)
        pipe.execute()


async def _read_ledger(url: str, spooled: int) -> dict[str, int]:
    async with connect(url, "leadhub-cli") as connection:
        return await ledger_with_spool(connection, spooled)


def _holds_spooled(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return bool(client.exists(SPOOL_STREAM) and client.xlen(SPOOL_STREAM))


def _holds_leads(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the database ever accepted a submission. A database without tables did not."""
    try:
        row = connection.execute(HOLDS_LEADS_SQL).fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return bool(row and row[0])
