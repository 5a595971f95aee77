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

from cli.archive import DUMP, KEY, SPOOL, Archive, Manifest, reading
from cli.backup import books_of, explained
from cli.common import data_dir_option, make_settings, say, table, warn_of_key
from cli.dump import drop_leftovers, load, refuse_if_used, side_database, take_place
from cli.schema import RESTORING, head, stamp, upgrade
from cli.spool import check_spool
from shared.db import connect
from shared.embedded.datadir import KEY as KEY_FILE
from shared.embedded.datadir import SHORT, DataDir, InUse
from shared.embedded.servers import Embedded, running
from shared.settings import Settings
from shared.spool import COUNT, STREAM
from shared.vault import split

SIDE_STREAM = f"{STREAM}:restoring"
STOPPING = (signal.SIGINT, signal.SIGTERM)
AT_ONCE = 100  # spool entries per round trip and fsync
NO_KEY = (
    "the backup holds no key, and the key that is here stays: if the services had another one, put that into "
    "secrets/key of the data dir, or into LEADHUB_SECRET_KEY"
)
HOLDS_LEADS = """
SELECT EXISTS (SELECT FROM leads) OR EXISTS (SELECT FROM submissions) OR EXISTS (SELECT FROM journal)
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
    check_spool(settings)
    interrupts = _interrupts()
    with explained(), ExitStack() as stack:
        with _unchanged():
            archive = stack.enter_context(reading(file))
            found = stack.enter_context(_alone(Embedded(settings)))
            _refuse(found, archive.manifest, force)
            keys = archive.open(KEY).read().decode() if archive.has_key else None
            side = stack.enter_context(side_database(found.database_url))
            stack.enter_context(_side_stream(found.spool_url))
            books = _fill(side, found.spool_url, archive)
            if interrupts:
                raise KeyboardInterrupt
        with _held_back():
            _switch(found, books["spooled"], keys)
            _tell(settings, archive.manifest, keys)
            drop_leftovers(found.database_url)
            if keys is None:
                say(NO_KEY)
                asyncio.run(_compare_key(found))


def _interrupts() -> list[int]:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM. Note each one: Python drops exceptions of destructors."""
    came: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for each in STOPPING:
        signal.signal(each, interrupt)
    return came


@contextmanager
def _unchanged() -> Iterator[None]:
    """Report an interrupt or a failure inside the block with the words that nothing was changed."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        say("interrupted; nothing was changed")
        # This closes a half-open connection: PostgreSQL would wait for it before it drops a database.
        traceback.clear_frames(interrupt.__traceback__)
        raise
    except (RuntimeError, OSError, psycopg.Error, redis.RedisError) as error:
        raise RuntimeError(f"{str(error).strip()}; nothing was changed") from None


@contextmanager
def _held_back() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the block."""
    came: list[int] = []
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if came:
        signal.raise_signal(came[0])


@contextmanager
def _alone(embedded: Embedded) -> Iterator[Settings]:
    """Yield settings with URLs of running servers, with the data dir locked. UsageError while `up` runs there."""
    with ExitStack() as stack:
        try:
            stack.enter_context(embedded.home.locked(SHORT))
        except InUse as error:
            raise click.UsageError(f"{error}; stop that one first") from None
        embedded.home.forget_ports()
        for server in embedded.servers:
            if server is not embedded.broker:
                stack.enter_context(running(server.program()))
        yield embedded.settings()


def _refuse(settings: Settings, manifest: Manifest, force: bool) -> None:
    """Raise RuntimeError if the archive does not fit here, UsageError if it would replace leads without `--force`."""
    with psycopg.connect(settings.database_url, connect_timeout=3) as connection:
        major = connection.info.server_version // 10000
        holds = _holds_leads(connection)
    if manifest.postgresql_major > major:
        made = f"the backup is of PostgreSQL {manifest.postgresql}"
        raise RuntimeError(f"{made} and cannot go into PostgreSQL {major}: restore it into {manifest.postgresql_major}")
    if not force and (holds or _holds_spooled(settings.spool_url)):
        raise click.UsageError("there are leads already; pass --force to replace all of them by the backup's")
    refuse_if_used(settings.database_url)


def _fill(side: str, spool_url: str, archive: Archive) -> dict[str, int]:
    """Load database and spool next to the present ones and return the ledger."""
    say(f"restoring what LeadHub {archive.manifest.leadhub} saved")
    load(side, archive.open(DUMP))
    _upgrade(side)
    books = asyncio.run(_read_books(side, _stage_spool(spool_url, archive.open(SPOOL))))
    if books != archive.manifest.ledger:
        raise RuntimeError(f"the ledger would be {books}, but was {archive.manifest.ledger}")
    stamp(side, RESTORING)
    return books


def _switch(settings: Settings, spooled: int, keys: str | None) -> None:
    """Replace database, spool and key. The message of the RuntimeError says how far it came."""
    with _unchanged():
        take_place(settings.database_url)
    try:
        _switch_spool(settings.spool_url, spooled)
        if keys is not None:
            DataDir(settings.data_dir).replace_secret(KEY_FILE, keys)
        stamp(settings.database_url, head())
    except (OSError, psycopg.Error, redis.RedisError) as error:
        said = "the database is restored, the spool or the key is not: run it again, with --force"
        raise RuntimeError(f"{str(error).strip()}; {said}") from None


async def _compare_key(settings: Settings) -> None:
    async with connect(settings.database_url, "leadhub-cli") as connection:
        await warn_of_key(connection, settings)


def _tell(settings: Settings, manifest: Manifest, keys: str | None) -> None:
    given = settings.secret_key.get_secret_value()
    if keys is not None and given and not set(split(keys)) <= set(split(given)):
        say("LEADHUB_SECRET_KEY is not the backup's key: unset it, or stored credentials cannot be read")
    table([], [[name, count] for name, count in manifest.ledger.items()])
    say(f"restored the state of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC; its ledger equals the backup's")


def _upgrade(url: str) -> None:
    try:
        upgrade(url)
    except click.ClickException as error:
        raise RuntimeError(f"the backup does not fit this version. {error.message}") from None
    except CommandError as error:
        raise RuntimeError(f"the backup is of a newer LeadHub, whose tables this one does not know: {error}") from None


@contextmanager
def _side_stream(url: str) -> Iterator[None]:
    """Empty the side stream, and delete it at the end unless it became the real stream."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.delete(SIDE_STREAM)  # leftovers of a killed restore
        try:
            yield
        finally:
            client.delete(SIDE_STREAM)


def _stage_spool(url: str, lines: IO[bytes]) -> int:
    """Write the spool's entries into the side stream under their old ids. Return the number of submissions."""
    spooled = 0
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        pipe = client.pipeline(transaction=False)
        for line in lines:
            fields: dict[Any, Any] = orjson.loads(line)
            entry_id, fields["document"] = fields.pop("id"), base64.b64decode(fields["document"])
            pipe.xadd(SIDE_STREAM, fields, id=entry_id)
            spooled += fields["n"]
            if len(pipe) >= AT_ONCE:
                pipe.execute()
        pipe.execute()
    return spooled


def _switch_spool(url: str, spooled: int) -> None:
    with redis.Redis.from_url(url, socket_timeout=5) as client, client.pipeline(transaction=True) as pipe:
        if spooled:
            pipe.rename(SIDE_STREAM, STREAM)
        else:
            pipe.delete(STREAM)
        pipe.set(COUNT, spooled)
        pipe.execute()


async def _read_books(url: str, spooled: int) -> dict[str, int]:
    async with connect(url, "leadhub-cli") as connection:
        return await books_of(connection, spooled)


def _holds_spooled(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return bool(client.exists(STREAM) and client.xlen(STREAM))


def _holds_leads(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the database ever accepted a submission. A database without tables did not."""
    try:
        row = connection.execute(HOLDS_LEADS).fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return bool(row and row[0])
