"""The sweeper does the periodic work: it repairs lost hints, drains the spool, and maintains the tables.

It needs only PostgreSQL. While the broker is away it ingests all submissions itself, without delay.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import redis.asyncio as redis

from services.workers.automations.runs import expire
from services.workers.automations.standby import Standby as Automations
from services.workers.deliveries.standby import Standby as Deliveries
from services.workers.heartbeat import Heartbeat
from services.workers.ingest.drain import Drainer
from services.workers.lists import fold_counts, fold_texts, sort_texts, tidy
from services.workers.upkeep import keep_in_order, measure, measure_spool
from shared import hints, ledger, logging, tallies
from shared.automations.silences import start_chunk
from shared.cancelling import cancel_chunk
from shared.collector import settle
from shared.db import Connection, connect, is_unavailable
from shared.fingerprints import fingerprints_of
from shared.hints import Publisher
from shared.leads.references import clear_chunk
from shared.settings import Settings
from shared.spool import Spool

log = logging.get()

OVERDUE = 200  # milliseconds in the journal after which a row's hint counts as lost
LOOK = 0.1  # seconds between two reads of the journal
LOOK_ALONE = 0.01  # the same while the broker is away
FOLD_COUNTS = 2.0  # seconds between two folds of deltas; readers add pending deltas themselves
FOLD_TEXTS = 0.5  # seconds that a search may lag behind a write, plus the time of a fold
SORT_TEXTS = 3.0  # seconds between two merges of new texts into their index
PAUSES = (0.5, 1.0, 2.0)  # seconds before a failed duty starts again; the last value repeats
WELL = 10.0  # seconds after which a duty counts as healthy again
PROBE = 1.0  # seconds between attempts to reach a broker that is away
DRAIN_LOCK = 4_712_002  # one process at a time drains the spool; two would move entries twice


class Sweeper:
    """The sweeper's duties. Each is a loop with its own connection, so a duty that waits does not delay the others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        name, uses = settings.process_name or "sweeper", fingerprints_of(settings)
        self._heartbeat = Heartbeat("sweeper", name, settings.database_url, uses)
        self._stopping = asyncio.Event()
        self._broker_away = False
        self._waiting_s = 0.0  # when it was last measured
        self._publish = hints.Sender(settings.broker_url)
        self._publisher = Publisher(self._try_to_publish)
        self._deliver = Publisher(hints.Sender(settings.broker_url, hints.DELIVERIES))
        self._automate = Publisher(hints.Sender(settings.broker_url, hints.AUTOMATIONS))
        self._spool = Spool(redis.from_url(settings.spool_url, socket_timeout=2, socket_connect_timeout=1))
        # These survive a reconnection of their duties: they keep their batch sizes, and deliveries in flight go on.
        self._drainer = Drainer(self._heartbeat, self._publisher.ask, self._stopping.is_set)
        self._automations = Automations(
            settings, self._automate.ask, self._deliver.ask, self._is_broker_away, self._stopping
        )
        self._deliveries = Deliveries(settings, self._deliver.ask, self._is_broker_away, self._stopping)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        duties = [
            self._sweep,
            self._drain_spool,
            self._watch_automations,
            self._watch_deliveries,
            self._fold,
            self._fold_lists,
            self._fold_texts,
            self._clear_references,
            self._cancel_deliveries,
            self._start_silences,
            self._measure,
            self._keep_in_order,
        ]
        tasks = [asyncio.create_task(self._on_duty(duty)) for duty in duties]
        tasks.append(asyncio.create_task(self._measure_spool()))
        settle()
        await self._stopping.wait()
        await asyncio.wait(tasks, timeout=20)
        self._publisher.stop()
        self._automate.stop()
        self._deliver.stop()
        with contextlib.suppress(Exception):
            async with connect(self._settings.database_url, "leadhub sweeper") as connection:
                await self._heartbeat.stop(connection)

    async def _on_duty(self, duty: Callable[[Connection], Awaitable[None]]) -> None:
        """Run a duty until the sweeper stops. Start it again after errors, such as a lost database."""
        failures = 0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = now()
            try:
                async with connect(self._settings.database_url, "leadhub sweeper") as connection:
                    await duty(connection)
            except Exception as error:
                if is_unavailable(error) or isinstance(error, redis.RedisError):
                    log.warning("sweeper.interrupted", duty=duty.__name__, error=type(error).__name__)
                else:
                    log.exception("sweeper.failed", duty=duty.__name__)
                failures = 1 if now() - began > WELL else failures + 1
                await self._pause(PAUSES[min(failures, len(PAUSES)) - 1])

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _is_broker_away(self) -> bool:
        return self._broker_away

    def _try_to_publish(self) -> bool:
        """Send a hint and note whether the broker is away. This runs in the publisher's thread."""
        self._broker_away = not self._publish()
        return not self._broker_away

    async def _sweep(self, connection: Connection) -> None:
        await self._heartbeat.start(connection)
        probed = 0.0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            taken = await self._drainer.drain(connection, older_than_ms=0 if self._broker_away else OVERDUE)
            if taken:
                log.info("sweeper.ingested", submissions=taken, broker_away=self._broker_away)
            if (taken or self._broker_away) and now() - probed > PROBE:
                probed = now()
                self._publisher.ask()
            await self._pause(LOOK_ALONE if self._broker_away else LOOK)

    async def _drain_spool(self, connection: Connection) -> None:
        has_lock = False
        while not self._stopping.is_set():
            has_lock = has_lock or await _try_lock(connection, DRAIN_LOCK)  # no wait: a stop would wait as well
            if has_lock and (moved := await self._spool.drain(connection)):
                log.info("spool.drained", submissions=moved)
                self._publisher.ask()
            else:
                await self._pause(LOOK)

    async def _watch_automations(self, connection: Connection) -> None:
        await self._automations.watch(connection)

    async def _watch_deliveries(self, connection: Connection) -> None:
        await self._deliveries.watch(connection)

    async def _fold(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            await ledger.fold(connection)
            await tallies.fold(connection)
            await self._pause(2)

    async def _fold_lists(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await fold_counts(connection):
                await self._pause(FOLD_COUNTS)

    async def _fold_texts(self, connection: Connection) -> None:
        sorted_at = 0.0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            if await fold_texts(connection):
                continue
            if now() - sorted_at > SORT_TEXTS:
                sorted_at = now()
                await sort_texts(connection)
            await self._pause(FOLD_TEXTS)

    async def _clear_references(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await clear_chunk(connection):
                await self._pause(1)

    async def _cancel_deliveries(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await cancel_chunk(connection):
                await self._pause(1)

    async def _start_silences(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await start_chunk(connection):
                await self._pause(1)

    async def _measure(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            self._waiting_s = await measure(connection, self._spool)
            await self._pause(2)

    async def _measure_spool(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(redis.RedisError, OSError):
                await measure_spool(self._spool, self._waiting_s)
            await self._pause(2)

    async def _keep_in_order(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            await keep_in_order(connection, datetime.now(UTC), self._settings.keep_days)
            await tidy(connection)
            await expire(connection, self._settings.keep_days)
            await self._pause(3600)


async def _try_lock(connection: Connection, number: int) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (number,))).fetchone()
    return bool(row and row[0])
