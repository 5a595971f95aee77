"""`status`: show the ledger and the queues."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cli.asking import Asked
from cli.common import data_dir_option, expect_installation, make_settings, say, table
from cli.schema import upgrade
from cli.spool import check_spool
from shared import ledger
from shared.db import UNPREPARED, Connection, connect, is_unavailable
from shared.embedded.datadir import LONG
from shared.embedded.servers import Embedded, connected
from shared.settings import Settings
from shared.spool import Spool

PATIENCE = 0.8  # seconds to connect to a store
SPOOL_PATIENCE = 0.5  # seconds for each response of the spool
LONGEST = 20.0  # seconds for a connected database to count
UNTOLD = (
    "leadhub: LEADHUB_SPOOL_URL is not set: this command does not know which spool the services use. Set it to the "
    "value that they have"
)
AWAY = "leadhub: PostgreSQL does not answer ({}): only what waits in the spool is known"
SETTINGS = {"spool": "spool_url", "broker": "broker_url", "secret_key": "secret_key"}
COUNTS = ("accepted", "pending", "done", "dead", "quarantined")

State = dict[str, Any]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@data_dir_option
def status(as_json: bool) -> None:
    """Show what was accepted and what became of it.

    accepted = done + pending + dead + quarantined + spooled. Done are those that made a lead or met one; pending those
    that wait for a worker, spooled those that wait for PostgreSQL. Dead ones failed five times: see `replay`.
    Quarantined ones are held back until somebody looks at them. The queues hold the pending ones: waited_for,
    prompt (`respond-async` and batches) and bulk (replays).

    `unavailable` names the stores that do not answer; what they alone know is unknown. `differing` names the processes
    that use different spools, brokers or secret keys.
    """
    settings = make_settings()
    expect_installation(settings)
    checked = Asked(lambda _: _check(settings))
    with _reachable(settings) as place:
        state = _ask(place)
    with contextlib.suppress(TimeoutError):
        checked.answer(0, 0)
    if as_json:
        click.echo(json.dumps(state))
    else:
        hidden = [name for name in ("unavailable", "differing") if not state[name]]
        table([], [[name, _shown(value)] for name, value in state.items() if name not in hidden])


@dataclass(frozen=True)
class Place:
    """The servers to ask.

    `spool` says whether there is a spool, or None if the setting is missing. `told` names the settings that are known
    to be those of the services. `patience` is the time in seconds to connect to the database.
    """

    settings: Settings
    spool: bool | None
    told: tuple[str, ...]
    patience: float = PATIENCE


@contextmanager
def _reachable(settings: Settings) -> Iterator[Place]:
    """Yield the servers of a running `up`; if there is none, start the servers that are needed."""
    embedded = Embedded(settings)
    holder = embedded.home.holder()
    is_running = holder is not None and holder[1] == LONG
    all_ours = is_running or not settings.database_url
    told = tuple(name for name, setting in SETTINGS.items() if all_ours or setting in settings.model_fields_set)
    if is_running:
        yield Place(embedded.settings(), True, told)
        return
    holds = embedded.spool is None or embedded.spool.holds_data
    with connected(settings, want=("spool", "postgres") if holds else ("postgres",)) as found:
        if not settings.database_url:
            upgrade(found.database_url)
        spool = holds or (False if "spool" in told else None)
        yield Place(found, spool, told, PATIENCE if settings.database_url else LONGEST)


def _ask(place: Place) -> State:
    database = Asked(lambda reached: _read(place, reached))
    spool = Asked(lambda _: _read_spool(place))
    if place.spool is None:
        say(UNTOLD)
    try:
        return database.answer(place.patience, LONGEST)
    except Exception as error:
        if not is_unavailable(error) or isinstance(error, UNPREPARED):
            raise
        say(AWAY.format(" ".join(str(error).split())))
    unknown = dict.fromkeys((*COUNTS, "spooled", "oldest_waiting_s", "workers", "queues"))
    away = ["postgresql"]
    try:
        known = spool.answer(SPOOL_PATIENCE, SPOOL_PATIENCE)
    except (redis.RedisError, OSError) as error:
        known = {}
        away.append("spool")
        say(f"the spool does not answer ({error}): what it holds is not counted")
    return {**unknown, **known, "unavailable": away, "differing": None}


async def _check(settings: Settings) -> None:
    check_spool(settings)


async def _read(place: Place, reached: Callable[[], None]) -> State:
    async with connect(place.settings.database_url, "leadhub-cli") as connection:
        reached()
        state = await _ledger(connection, place)
        from cli.differing import (
            differing,
        )  # imported late: it loads the encryption, which is not needed without PostgreSQL
        from shared.fingerprints import fingerprints_of

        used = fingerprints_of(place.settings)()
        own = {name: value for name, value in used.items() if name in place.told}
        return {**state, "differing": await differing(connection, own)}


async def _ledger(connection: Connection, place: Place) -> State:
    if place.spool:
        try:
            async with _client(place) as spool:
                return {**await ledger.read(connection, Spool(spool)), "unavailable": []}
        except redis.RedisError as error:
            say(f"the spool does not answer ({error}): what it holds is not counted")
            return {**await ledger.read(connection, None), "spooled": None, "unavailable": ["spool"]}
    state = await ledger.read(connection, None)
    return {**state, "spooled": 0 if place.spool is False else None, "unavailable": []}


async def _read_spool(place: Place) -> State:
    if not place.spool:
        return {"spooled": 0} if place.spool is False else {}
    async with _client(place) as client:
        spool = Spool(client)
        return {"spooled": await spool.submissions(), "oldest_waiting_s": round(await spool.oldest_waiting_s(), 3)}


def _client(place: Place) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        place.settings.spool_url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=SPOOL_PATIENCE,
        socket_connect_timeout=SPOOL_PATIENCE,
    )


def _shown(value: object) -> object:
    """Format a value for one line of the table."""
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown_groups(n)}" for name, n in value.items())
    return value


def _shown_groups(value: object) -> object:
    return " / ".join(" + ".join(group) for group in value) if isinstance(value, list) else value
