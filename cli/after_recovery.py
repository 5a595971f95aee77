"""`after-recovery`: what `restore` does to its copy, for a database that another tool brought back to a time."""

import asyncio
from contextlib import ExitStack

import click
import psycopg
from psycopg import sql

from cli.backup import plain_server_errors
from cli.common import data_dir_option, expect_installation, make_settings, notify_operator, warn_of_wrong_key
from cli.dump import TABLES_WITHOUT_DATA, refuse_if_in_use
from cli.erasures_since import apply_known_erasures, read_known_erasures
from cli.restore import exclusive_settings, lift_feed_positions
from cli.schema import upgrade_database
from embedded.servers import EmbeddedServers
from shared.people.erasure_log import LOG_NAME
from shared.platform.db.connections import connect
from shared.platform.settings import Settings

NO_LOG_MESSAGE = (
    "there is no {path}: people who were erased after that time may be back. Name the data dir or the folder of files "
    "in which the sweeper keeps that list, or erase them again"
)


@click.command("after-recovery")
@data_dir_option
def after_recovery() -> None:
    """Make the database fit for the services after a recovery.

    For point-in-time recovery by another tool (such as pgBackRest), and for snapshots of disks. `restore` does all
    this itself. Erases once more whom the list beside the files names, ends all sessions, and lets feeds of events go
    on behind what their readers have seen. Nothing may use the database meanwhile. It can be run again.

    Example: leadhub after-recovery --data-dir /var/lib/leadhub
    """
    settings = make_settings()
    expect_installation(settings)
    with plain_server_errors(), ExitStack() as stack:
        found_settings = stack.enter_context(exclusive_settings(EmbeddedServers(settings)))
        refuse_if_in_use(found_settings.database_url)
        upgrade_database(found_settings.database_url)
        _erase_again(found_settings)
        _empty_tables(found_settings.database_url)
        lift_feed_positions(found_settings.database_url)
        asyncio.run(_compare_key(found_settings))
    notify_operator("sessions are ended, and feeds go on behind what their readers saw; the services can start")


def _erase_again(settings: Settings) -> None:
    path = settings.files_folder / LOG_NAME
    if not path.exists():
        notify_operator(NO_LOG_MESSAGE.format(path=path))
    known = read_known_erasures(settings)
    erased = asyncio.run(apply_known_erasures(settings.database_url, settings, None, known))
    notify_operator(f"erased again, since they were erased after that time: {erased}")


def _empty_tables(url: str) -> None:
    """Empty what no backup holds, such as sessions: one that was revoked must not come back."""
    with psycopg.connect(url) as connection:
        for table in TABLES_WITHOUT_DATA:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


async def _compare_key(settings: Settings) -> None:
    async with connect(settings.database_url, "leadhub-cli") as connection:
        await warn_of_wrong_key(connection, settings)
