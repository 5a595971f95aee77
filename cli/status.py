"""`status`: the ledger and the queues."""

import asyncio
import json
from typing import Any

import click
import redis
import redis.asyncio

from cli.common import data_dir_option, expect_installation, make_settings, say, table
from cli.schema import upgrade
from cli.spool import check_spool
from shared import ledger
from shared.db import connect
from shared.embedded.servers import Embedded, connected
from shared.settings import Settings
from shared.spool import Spool


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@data_dir_option
def status(as_json: bool) -> None:
    """Show what was accepted and what became of it.

    accepted = done + pending + dead + quarantined + spooled. Done are those that made a lead or met one; pending those
    that wait for a worker, spooled those that wait for PostgreSQL. Dead ones failed five times: see `replay`.
    Quarantined ones are held back until somebody looks at them. The queues hold the pending ones: waited_for,
    prompt (`respond-async` and batches) and bulk (replays).
    """
    settings = make_settings()
    expect_installation(settings)
    check_spool(settings)
    spool = Embedded(settings).spool
    holds = spool is None or spool.holds_data
    with connected(settings, want=("spool", "postgres") if holds else ("postgres",)) as found:
        if not settings.database_url:
            upgrade(found.database_url)
        state = asyncio.run(_read(found, holds))
    if as_json:
        click.echo(json.dumps(state))
    else:
        table([], [[name, _shown(value)] for name, value in state.items()])


async def _read(settings: Settings, with_spool: bool) -> dict[str, Any]:
    async with connect(settings.database_url, "leadhub-cli") as connection:
        if not with_spool:
            return await ledger.read(connection, None)
        try:
            async with redis.asyncio.Redis.from_url(settings.spool_url, socket_timeout=5) as spool:
                return await ledger.read(connection, Spool(spool))
        except redis.RedisError as error:
            say(f"the spool does not answer ({error}): what it holds is not counted")
            return {**await ledger.read(connection, None), "spooled": None}


def _shown(value: object) -> object:
    if value is None:
        return "unknown"
    return ", ".join(f"{name} {n}" for name, n in value.items()) if isinstance(value, dict) else value
