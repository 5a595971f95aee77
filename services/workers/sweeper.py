"""The sweeper does the periodic work: it repairs lost hints, drains the spool, and maintains the tables.

It needs only PostgreSQL. While the broker is away it ingests all submissions itself, without delay.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import redis.asyncio as redis

from services.workers.alarms.watcher import AlarmWatcher
from services.workers.automations.runs import expire_runs
from services.workers.automations.sweeper_fallback import AutomationFallback as Automations
from services.workers.deliveries.sweeper_fallback import DeliveryFallback as Deliveries
from services.workers.erasures.erasure_keeper import ErasureKeeper
from services.workers.failure_causes import backfill_causes, fold_causes
from services.workers.heartbeat import Heartbeat
from services.workers.held_digest import DIGEST_CHECK_SECONDS, send_digests
from services.workers.history_sampler import fold_history, sample_history
from services.workers.ingest.drain import JournalDrainer
from services.workers.jobs.sweeper_fallback import JobFallback
from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.sweeper_fallback import LikenessFallback
from services.workers.maintenance import expire_audit_log, run_hourly_maintenance, update_gauges, update_spool_gauges
from services.workers.read_models import flush_search_index, fold_lead_counts, fold_search_texts, repair_read_models
from services.workers.silence_watch import WATCH_INTERVAL_SECONDS, watch_silences
from services.workers.source_fetches.sweeper_fallback import FetchFallback
from services.workers.stored_files.file_keeper import FileKeeper
from services.workers.workspace_retention import expire_by_workspace
from shared.accounting import counters, ledger
from shared.automations.inactivity import start_chunk
from shared.crypto.encryption import read_first_key
from shared.crypto.settings_fingerprints import fingerprint_reader
from shared.db.advisory_locks import HISTORY_LOCK, SPOOL_DRAIN_LOCK
from shared.db.connections import Connection, connect
from shared.db.errors import is_unavailable
from shared.intake import hints
from shared.intake.hints import HintPublisher
from shared.intake.spool import Spool
from shared.leads.reference_locks import clear_next_chunk
from shared.observability import logging
from shared.observability.gc_tuning import freeze_startup_objects
from shared.outbound.cancellation import cancel_chunk
from shared.settings import Settings

log = logging.get_logger()

LOST_HINT_MILLISECONDS = 200  # milliseconds in the journal after which a row's hint counts as lost
JOURNAL_POLL_SECONDS = 0.1  # seconds between two reads of the journal
BROKERLESS_POLL_SECONDS = 0.01  # the same while the broker is away
FOLD_COUNTS_INTERVAL_SECONDS = 2.0  # seconds between two folds of deltas; readers add pending deltas themselves
FOLD_CAUSES_INTERVAL_SECONDS = 1.0  # seconds that the list of causes may lag behind a failure
FOLD_TEXTS_INTERVAL_SECONDS = 0.5  # seconds that a search may lag behind a write, plus the time of a fold
FLUSH_SEARCH_INDEX_SECONDS = 3.0  # seconds between two merges of new texts into their index
DUTY_RESTART_DELAYS_SECONDS = (0.5, 1.0, 2.0)  # seconds before a failed duty starts again; the last value repeats
HEALTHY_AFTER_SECONDS = 10.0  # seconds after which a duty counts as healthy again
SAMPLE_INTERVAL_SECONDS = 1.0  # seconds between two samples for the history
FOLD_HISTORY_SECONDS = 60.0  # seconds between two folds of old minutes
SAMPLE_REST_FACTOR = 20  # rests this many times as long as a sample took: a long backlog costs at most 5 % of a core
TIMELINE_WALK_SECONDS = 86_400.0  # seconds between two walks through timelines for entries that are too old
BROKER_PROBE_SECONDS = 1.0  # seconds between attempts to reach a broker that is away


class Sweeper:
    """The sweeper's duties. Each is a loop with its own connection, so a duty that waits does not delay the others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        name, uses = settings.process_name or "sweeper", fingerprint_reader(settings)
        self._heartbeat = Heartbeat("sweeper", name, settings.database_url, uses)
        self._stopping = asyncio.Event()
        self._has_lost_broker = False
        self._oldest_waiting_seconds = 0.0  # when it was last measured
        self._send_ingest_hint = hints.HintSender(settings.broker_url)
        self._ingest_hints = HintPublisher(self._try_to_send_hint)
        self._delivery_hints = HintPublisher(hints.HintSender(settings.broker_url, hints.DELIVERIES_HINT))
        self._automation_hints = HintPublisher(hints.HintSender(settings.broker_url, hints.AUTOMATIONS_HINT))
        self._job_hints = HintPublisher(hints.HintSender(settings.broker_url, hints.JOBS_HINT))
        self._fetch_hints = HintPublisher(hints.HintSender(settings.broker_url, hints.FETCHES_HINT))
        self._likeness_hints = HintPublisher(hints.HintSender(settings.broker_url, hints.LIKENESS_HINT))
        self._spool = Spool(redis.from_url(settings.spool_url, socket_timeout=2, socket_connect_timeout=1))
        # These survive a reconnection of their duties: they keep their batch sizes, and deliveries in flight go on.
        self._drainer = JournalDrainer(
            self._heartbeat,
            self._ingest_hints.request_hint,
            self._stopping.is_set,
            read_key=read_first_key(settings),
        )
        knowledge = self._heartbeat.pauses, self._heartbeat.statistics
        self._automation_fallback = Automations(
            settings,
            self._automation_hints.request_hint,
            self._delivery_hints.request_hint,
            self._is_broker_away,
            self._stopping,
            *knowledge,
        )
        self._delivery_fallback = Deliveries(
            settings, self._delivery_hints.request_hint, self._is_broker_away, self._stopping, *knowledge
        )
        self._file_keeper = FileKeeper(settings, self._spool, self._stopping)
        self._erasure_keeper = ErasureKeeper(settings, self._spool, self._stopping)
        self._job_fallback = JobFallback(
            self._job_hints.request_hint, self._ingest_hints.request_hint, self._is_broker_away, self._stopping
        )
        self._ingest_rate = IngestRate()
        self._likeness_fallback = LikenessFallback(
            self._likeness_hints.request_hint, self._is_broker_away, self._stopping, self._ingest_rate
        )
        self._fetch_fallback = FetchFallback(
            settings,
            self._fetch_hints.request_hint,
            self._ingest_hints.request_hint,
            self._is_broker_away,
            self._stopping,
        )

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        duties = [
            self._sweep_journal,
            self._drain_spool,
            self._run_automation_fallback,
            self._run_delivery_fallback,
            self._run_job_fallback,
            self._run_fetch_fallback,
            self._watch_likeness,
            self._keep_likeness_weights,
            self._keep_files,
            self._finish_erasures,
            self._fold_counters,
            self._fold_causes,
            self._sample_history,
            self._fold_lead_counts,
            self._fold_search_texts,
            self._clear_references,
            self._cancel_deliveries,
            self._start_inactivity_timers,
            self._watch_silences,
            self._send_digests,
            self._update_gauges,
            self._run_maintenance,
        ]
        tasks = [asyncio.create_task(self._run_duty(duty)) for duty in duties]
        tasks.append(asyncio.create_task(self._update_spool_gauges()))
        tasks.append(asyncio.create_task(AlarmWatcher(self._settings, self._spool, self._stopping).run()))
        freeze_startup_objects()
        await self._stopping.wait()
        await asyncio.wait(tasks, timeout=20)
        self._ingest_hints.stop()
        self._automation_hints.stop()
        self._delivery_hints.stop()
        self._job_hints.stop()
        self._fetch_hints.stop()
        self._likeness_hints.stop()
        with contextlib.suppress(Exception):
            async with connect(self._settings.database_url, "leadhub sweeper") as connection:
                await self._heartbeat.stop(connection)

    async def _run_duty(self, duty: Callable[[Connection], Awaitable[None]]) -> None:
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
                failures = 1 if now() - began > HEALTHY_AFTER_SECONDS else failures + 1
                await self._wait_for_stop(
                    DUTY_RESTART_DELAYS_SECONDS[min(failures, len(DUTY_RESTART_DELAYS_SECONDS)) - 1]
                )

    async def _wait_for_stop(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _is_broker_away(self) -> bool:
        return self._has_lost_broker

    def _try_to_send_hint(self) -> bool:
        """Send a hint and note whether the broker is away. This runs in the publisher's thread."""
        self._has_lost_broker = not self._send_ingest_hint()
        return not self._has_lost_broker

    async def _sweep_journal(self, connection: Connection) -> None:
        await self._heartbeat.start(connection)
        probed = 0.0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            taken = await self._drainer.drain(
                connection, older_than_ms=0 if self._has_lost_broker else LOST_HINT_MILLISECONDS
            )
            if taken:
                log.info("sweeper.ingested", submissions=taken, broker_away=self._has_lost_broker)
            if (taken or self._has_lost_broker) and now() - probed > BROKER_PROBE_SECONDS:
                probed = now()
                self._ingest_hints.request_hint()
            await self._wait_for_stop(BROKERLESS_POLL_SECONDS if self._has_lost_broker else JOURNAL_POLL_SECONDS)

    async def _drain_spool(self, connection: Connection) -> None:
        has_lock = False
        while not self._stopping.is_set():
            has_lock = has_lock or await _try_lock(connection, SPOOL_DRAIN_LOCK)  # no wait: a stop would wait as well
            if has_lock and (moved := await self._spool.drain_chunk(connection)):
                log.info("spool.drained", submissions=moved)
                self._ingest_hints.request_hint()
            else:
                await self._wait_for_stop(JOURNAL_POLL_SECONDS)

    async def _run_automation_fallback(self, connection: Connection) -> None:
        await self._automation_fallback.watch_outbox(connection)

    async def _run_delivery_fallback(self, connection: Connection) -> None:
        await self._delivery_fallback.run(connection)

    async def _run_job_fallback(self, connection: Connection) -> None:
        await self._job_fallback.watch_jobs(connection)

    async def _run_fetch_fallback(self, connection: Connection) -> None:
        await self._fetch_fallback.watch_fetches(connection)

    async def _watch_likeness(self, connection: Connection) -> None:
        await self._likeness_fallback.watch_queue(connection)

    async def _keep_likeness_weights(self, connection: Connection) -> None:
        await self._likeness_fallback.keep_weights(connection)

    async def _keep_files(self, connection: Connection) -> None:
        await self._file_keeper.run(connection)

    async def _finish_erasures(self, connection: Connection) -> None:
        await self._erasure_keeper.run(connection)

    async def _fold_counters(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            await ledger.fold_deltas(connection)
            await counters.fold_deltas(connection)
            await self._wait_for_stop(2)

    async def _watch_silences(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if await watch_silences(connection, self._settings):
                self._delivery_hints.request_hint()
            await self._wait_for_stop(WATCH_INTERVAL_SECONDS)

    async def _send_digests(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if await send_digests(connection, self._settings):
                self._delivery_hints.request_hint()
            await self._wait_for_stop(DIGEST_CHECK_SECONDS)

    async def _fold_causes(self, connection: Connection) -> None:
        await backfill_causes(connection)
        while not self._stopping.is_set():
            await fold_causes(connection)
            await self._wait_for_stop(FOLD_CAUSES_INTERVAL_SECONDS)

    async def _sample_history(self, connection: Connection) -> None:
        has_lock, folded_at, now = False, 0.0, asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = now()
            has_lock = has_lock or await _try_lock(connection, HISTORY_LOCK)
            if has_lock:
                await sample_history(connection)
            if has_lock and began - folded_at > FOLD_HISTORY_SECONDS:
                folded_at = began
                await fold_history(connection)
            await self._wait_for_stop(max(SAMPLE_INTERVAL_SECONDS, SAMPLE_REST_FACTOR * (now() - began)))

    async def _fold_lead_counts(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await fold_lead_counts(connection):
                await self._wait_for_stop(FOLD_COUNTS_INTERVAL_SECONDS)

    async def _fold_search_texts(self, connection: Connection) -> None:
        sorted_at = 0.0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            if await fold_search_texts(connection, self._ingest_rate.add):
                continue
            if now() - sorted_at > FLUSH_SEARCH_INDEX_SECONDS:
                sorted_at = now()
                await flush_search_index(connection)
            await self._wait_for_stop(FOLD_TEXTS_INTERVAL_SECONDS)

    async def _clear_references(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await clear_next_chunk(connection):
                await self._wait_for_stop(1)

    async def _cancel_deliveries(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await cancel_chunk(connection):
                await self._wait_for_stop(1)

    async def _start_inactivity_timers(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            if not await start_chunk(connection):
                await self._wait_for_stop(1)

    async def _update_gauges(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            self._oldest_waiting_seconds = await update_gauges(connection, self._spool)
            await self._wait_for_stop(2)

    async def _update_spool_gauges(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(redis.RedisError, OSError):
                await update_spool_gauges(self._spool, self._oldest_waiting_seconds)
            await self._wait_for_stop(2)

    async def _run_maintenance(self, connection: Connection) -> None:
        walked_at, now = float("-inf"), asyncio.get_running_loop().time
        while not self._stopping.is_set():
            await run_hourly_maintenance(connection, datetime.now(UTC), self._settings.keep_days)
            await repair_read_models(connection)
            await expire_runs(connection, self._settings.keep_days)
            await expire_audit_log(connection, self._settings.audit_days)
            is_due = now() - walked_at > TIMELINE_WALK_SECONDS
            walked_at = now() if is_due else walked_at
            await expire_by_workspace(connection, datetime.now(UTC), with_timelines=is_due)
            await self._wait_for_stop(3600)


async def _try_lock(connection: Connection, number: int) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (number,))).fetchone()
    return bool(row and row[0])
