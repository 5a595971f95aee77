"""`status`: show the ledger and the queues."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import click
import psycopg
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cli.bounded_queries import BoundedQuery
from cli.common import data_dir_option, expect_installation, make_settings, notify_operator, print_table
from cli.schema import upgrade_database
from cli.spool_check import check_spool_durability
from embedded.servers import EmbeddedServers, ensure_servers
from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.operations.alarms import RingingAlarm, read_ringing_alarms
from shared.platform.data_dir import SERVICE_KIND
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import UNMIGRATED_ERRORS, is_unavailable
from shared.platform.db.standby_watch import do_commits_wait
from shared.platform.settings import Settings
from shared.platform.store_tls import explain_postgres_failure, explain_tls_failure

STORE_CONNECT_SECONDS = 0.8  # seconds to connect to a store
SPOOL_ANSWER_SECONDS = 0.5  # seconds for each response of the spool
MAX_ANSWER_SECONDS = 20.0  # seconds for a connected database to count
UNKNOWN_SPOOL_MESSAGE = (
    "leadhub: LEADHUB_SPOOL_URL is not set: this command does not know which spool the services use. Set it to the "
    "value that they have"
)
POSTGRESQL_UNAVAILABLE_MESSAGE = "leadhub: PostgreSQL does not answer ({}): only what waits in the spool is known"
SPOOL_UNAVAILABLE_MESSAGE = "leadhub: the spool does not answer ({}): what it holds is not counted"
STANDBY_AWAY_MESSAGE = (
    "leadhub: commits wait for the standby of PostgreSQL, which does not answer: workers and changes wait with them, "
    "and leads go to the spool"
)
REPLICA_UNAVAILABLE_MESSAGE = (
    "leadhub: the replica of LEADHUB_REPLICA_URL does not answer ({}): lists are read from the database itself"
)
SETTING_NAMES = {"spool": "spool_url", "broker": "broker_url", "secret_key": "secret_key", "files": "files_dir"}
LEDGER_COUNTS = ("accepted", "pending", "done", "dead", "quarantined")

StatusReport = dict[str, Any]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@data_dir_option
def status(as_json: bool) -> None:
    """Show what was accepted and what became of it.

    accepted = done + pending + dead + quarantined + spooled. Done are those that made a lead or met one; pending those
    that wait for a worker, or for a provider that sent only their id; spooled those that wait for PostgreSQL. Dead
    ones failed five times: see `replay`. Quarantined ones are held back until somebody looks at them. The queues hold
    those that wait for a worker: waited_for, prompt (`respond-async` and batches) and bulk (replays).

    `alarms` names the alarms that ring, and since when.
    `unavailable` names the stores that do not answer, the replica for lists among them, and the standby while commits
    wait for it; what a store alone knows is unknown. `differing` names the processes that use different spools,
    brokers, secret keys or folders of files.
    """
    settings = make_settings()
    expect_installation(settings)
    checked = BoundedQuery(lambda _: _check_spool_setting(settings))
    replica = BoundedQuery(lambda _: _reach_replica(settings))
    with _reachable_source(settings) as place:
        state = _read_status(place)
    try:
        replica.get_result(STORE_CONNECT_SECONDS, 0)
    except (psycopg.OperationalError, OSError) as error:
        state["unavailable"].append("replica")
        notify_operator(REPLICA_UNAVAILABLE_MESSAGE.format(explain_postgres_failure(error)))
    with contextlib.suppress(TimeoutError, RuntimeError):  # a spool that does not answer has been named
        checked.get_result(0, 0)
    if as_json:
        click.echo(json.dumps(state))
    else:
        print_table([], list(_table_rows(state)))


@dataclass(frozen=True)
class StatusSource:
    """The servers to ask.

    `has_spool` says whether there is a spool, or None if the setting is missing. `known_settings` names
    the settings that are known to be those of the services. `connect_timeout` is for the database, in seconds.
    """

    settings: Settings
    has_spool: bool | None
    known_settings: tuple[str, ...]
    connect_timeout: float = STORE_CONNECT_SECONDS


@contextmanager
def _reachable_source(settings: Settings) -> Iterator[StatusSource]:
    """Yield the servers of a running `up`; if there is none, start the servers that are needed."""
    embedded = EmbeddedServers(settings)
    holder = embedded.data_dir.lock_owner()
    is_running = holder is not None and holder[1] == SERVICE_KIND
    all_ours = is_running or not settings.database_url
    setting_names = tuple(
        name for name, setting in SETTING_NAMES.items() if all_ours or setting in settings.model_fields_set
    )
    if is_running:
        yield StatusSource(embedded.complete_settings(), True, setting_names)
        return
    holds = embedded.spool is None or embedded.spool.has_data
    with ensure_servers(settings, want=("spool", "postgres") if holds else ("postgres",)) as complete:
        if not settings.database_url:
            upgrade_database(complete.database_url)
        spool = holds or (False if "spool" in setting_names else None)
        yield StatusSource(
            complete, spool, setting_names, STORE_CONNECT_SECONDS if settings.database_url else MAX_ANSWER_SECONDS
        )


def _read_status(source: StatusSource) -> StatusReport:
    database = BoundedQuery(lambda reached: _read_database(source, reached))
    spool = BoundedQuery(lambda _: _read_spool(source))
    if source.has_spool is None:
        notify_operator(UNKNOWN_SPOOL_MESSAGE)
    try:
        return database.get_result(source.connect_timeout, MAX_ANSWER_SECONDS)
    except Exception as error:
        if not is_unavailable(error) or isinstance(error, UNMIGRATED_ERRORS):
            raise
        notify_operator(POSTGRESQL_UNAVAILABLE_MESSAGE.format(explain_postgres_failure(error)))
    unknown = dict.fromkeys((*LEDGER_COUNTS, "spooled", "oldest_waiting_s", "workers", "queues"))
    away = ["postgresql"]
    try:
        known = spool.get_result(SPOOL_ANSWER_SECONDS, SPOOL_ANSWER_SECONDS)
    except (redis.RedisError, OSError) as error:
        known = {}
        away.append("spool")
        notify_operator(_spool_away(source, error))
    return {**unknown, **known, "unavailable": away, "differing": None, "alarms": None}


async def _check_spool_setting(settings: Settings) -> None:
    check_spool_durability(settings, must_answer=True)


async def _reach_replica(settings: Settings) -> None:
    if settings.replica_url:
        async with connect(settings.replica_url, "leadhub-cli"):
            pass


async def _read_database(source: StatusSource, reached: Callable[[], None]) -> StatusReport:
    async with connect(source.settings.database_url, "leadhub-cli") as connection:
        reached()
        state = await _read_ledger(connection, source)
        from shared.files.folder_id import FolderIdReader
        from shared.operations.settings_mismatch import (
            find_mismatches,  # imported late: it loads the encryption, which is not needed without PostgreSQL
        )
        from shared.platform.crypto.settings_fingerprints import fingerprint_reader

        if await do_commits_wait(connection):
            notify_operator(STANDBY_AWAY_MESSAGE)
            state["unavailable"].append("standby")
        used = fingerprint_reader(source.settings, FolderIdReader(source.settings.files_folder, makes_id=False))()
        own = {name: value for name, value in used.items() if name in source.known_settings}
        ringing = [f"{one.code} since {one.raised_at:%Y-%m-%dT%H:%M:%SZ}" for one in await _read_alarms(connection)]
        return {**state, "differing": await find_mismatches(connection, own), "alarms": ringing}


async def _read_alarms(connection: Connection) -> list[RingingAlarm]:
    return [one._replace(raised_at=one.raised_at.astimezone(UTC)) for one in await read_ringing_alarms(connection)]


async def _read_ledger(connection: Connection, source: StatusSource) -> StatusReport:
    if source.has_spool:
        try:
            async with _spool_client(source) as spool:
                return {**await ledger.read_ledger(connection, Spool(spool)), "unavailable": []}
        except redis.RedisError as error:
            notify_operator(_spool_away(source, error))
            return {**await ledger.read_ledger(connection, None), "spooled": None, "unavailable": ["spool"]}
    state = await ledger.read_ledger(connection, None)
    return {**state, "spooled": 0 if source.has_spool is False else None, "unavailable": []}


async def _read_spool(source: StatusSource) -> StatusReport:
    if not source.has_spool:
        return {"spooled": 0} if source.has_spool is False else {}
    async with _spool_client(source) as client:
        spool = Spool(client)
        return {
            "spooled": await spool.count_submissions(),
            "oldest_waiting_s": round(await spool.oldest_waiting_s(), 3),
        }


def _spool_client(source: StatusSource) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        source.settings.spool_url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=SPOOL_ANSWER_SECONDS,
        socket_connect_timeout=SPOOL_ANSWER_SECONDS,
    )


def _spool_away(source: StatusSource, error: Exception) -> str:
    why = explain_tls_failure(source.settings.spool_url, error)
    return SPOOL_UNAVAILABLE_MESSAGE.format(f"LEADHUB_SPOOL_URL: {why}" if why else error)


def _table_rows(state: StatusReport) -> Iterator[list[object]]:
    """Yield the rows of the table. What differs has one for each setting; what is well has none."""
    for name, value in state.items():
        if name == "differing" and value:
            for what, groups in value.items():
                yield [name, f"{what}: {_format_groups(groups)}"]
        elif value or name not in ("unavailable", "differing", "alarms"):
            yield [name, _format_value(value)]


def _format_value(value: object) -> object:
    """Format a value for one line of the table."""
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {n}" for name, n in value.items())
    return value


def _format_groups(groups: list[list[str]]) -> str:
    """Name the odd ones. Of a group that is larger than each other one the number is enough."""
    largest, *others = groups
    is_tie = len(largest) == len(others[0])
    first = " + ".join(largest) if is_tie else f"{len(largest)} processes"
    return " / ".join([first, *(" + ".join(group) for group in others)])
