"""The sweeper does the periodic work: it repairs lost hints, drains the spool, and maintains the tables.

It needs only PostgreSQL. While the broker is away it ingests all submissions itself, without delay.
"""

import asyncio
import contextlib
import signal
from datetime import UTC, datetime

import redis.asyncio as redis

from services.workers.alarms.silent_sources import WATCH_INTERVAL_SECONDS, watch_silences
from services.workers.alarms.watcher import AlarmWatcher
from services.workers.alarms.workspace_watch import ALARM_INTERVAL_SECONDS, watch_workspaces
from services.workers.automations.runs import expire_runs
from services.workers.due_work import DueWork
from services.workers.erasures.erasure_keeper import FULL_LOG_SECONDS, ErasureKeeper
from services.workers.failure_causes import backfill_causes, fold_causes
from services.workers.held_digest import DIGEST_CHECK_SECONDS, send_digests
from services.workers.ingest.drain import JournalDrainer
from services.workers.ledger.history_sampler import fold_history, sample_history
from services.workers.ledger.ledger_gauges import update_gauges, update_spool_gauges
from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.weight_keeper import WeightKeeper
from services.workers.maintenance import run_hourly_maintenance
from services.workers.processes.heartbeat import Heartbeat
from services.workers.read_models import flush_search_index, fold_lead_counts, fold_search_texts, repair_read_models
from services.workers.retention.feed_retention import expire_feeds
from services.workers.retention.installation_retention import expire_audit_log
from services.workers.retention.workspace_retention import expire_by_workspace
from services.workers.stored_files.file_keeper import CLEANUP_SECONDS, FileKeeper
from services.workers.sweeper.duty_runner import SWEEPER_APPLICATION, Duty, DutyRunner, trying_lock
from services.workers.sweeper.interval import Interval
from services.workers.sweeper.overdue_work import SweeperFallbacks
from services.workers.sweeper.sweeper_hints import SweeperHints
from shared.accounting import counters, ledger
from shared.automations.inactivity import start_chunk
from shared.files.folder_id import FolderIdReader
from shared.intake.spool import Spool
from shared.leads.reference_locks import clear_next_chunk
from shared.outbound.cancellation import cancel_chunk
from shared.platform.crypto.encryption import read_first_key
from shared.platform.crypto.settings_fingerprints import fingerprint_reader
from shared.platform.db.advisory_locks import HISTORY_LOCK, SPOOL_DRAIN_LOCK
from shared.platform.db.connections import Connection, connect
from shared.platform.observability import logging
from shared.platform.observability.gc_tuning import freeze_startup_objects
from shared.platform.settings import Settings

log = logging.get_logger()

LOST_HINT_MILLISECONDS = 200  # milliseconds in the journal after which a row's hint counts as lost
JOURNAL_POLL_SECONDS = 0.1  # seconds between two reads of the journal
BROKERLESS_POLL_SECONDS = 0.01  # the same while the broker is away
FOLD_COUNTS_INTERVAL_SECONDS = 2.0  # seconds between two folds of deltas; readers add pending deltas themselves
FOLD_CAUSES_INTERVAL_SECONDS = 1.0  # seconds that the list of causes may lag behind a failure
FOLD_TEXTS_INTERVAL_SECONDS = 0.5  # seconds that a search may lag behind a write, plus the time of a fold
FLUSH_SEARCH_INDEX_SECONDS = 3.0  # seconds between two merges of new texts into their index
SAMPLE_INTERVAL_SECONDS = 1.0  # seconds between two samples for the history
FOLD_HISTORY_SECONDS = 60.0  # seconds between two folds of old minutes
SAMPLE_REST_FACTOR = 20  # rests this many times as long as a sample took: a long backlog costs at most 5 % of a core
TIMELINE_WALK_SECONDS = 86_400.0  # seconds between two walks through timelines for entries that are too old
BROKER_PROBE_SECONDS = 1.0  # seconds between attempts to reach a broker that is away
SPOOL_WAIT_SECONDS = 0.5  # seconds that the spool waits for an entry before it answers that it has none
CLEANUP_POLL_SECONDS = 1.0  # seconds between two looks for cleanups that another process works on
GAUGES_INTERVAL_SECONDS = 2.0
MAINTENANCE_SECONDS = 3600.0
IDLE_SAMPLE_SECONDS = IDLE_GAUGES_SECONDS = 15.0  # seconds between two samples, and two updates, while nothing waits
IDLE_TEXTS_SECONDS = 5.0  # seconds after which new texts are merged into their index at the latest
WEIGHTS_CHECK_SECONDS = 5.0  # seconds between two looks for requests to learn weights
# Kinds of work that samples and gauges tell of.
BUSY_KINDS = frozenset({"journal", "automations", "deliveries", "fetches", "jobs", "counters"})


class Sweeper:
    """The sweeper's duties. Each is a task of its own, so a duty that waits does not delay the others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._due_work = DueWork(self._stopping)
        self._runner = DutyRunner(settings.database_url, self._due_work, self._stopping)
        uses = fingerprint_reader(settings, FolderIdReader(settings.files_folder))
        self._heartbeat = Heartbeat("sweeper", settings.process_name or "sweeper", settings.database_url, uses)
        self._hints = SweeperHints(settings.broker_url)
        self._spool = Spool(redis.from_url(settings.spool_url, socket_timeout=2, socket_connect_timeout=1))
        self._ingest_rate = IngestRate()
        self._drainer = JournalDrainer(
            self._heartbeat,
            self._hints.ingest.request_hint,
            self._stopping.is_set,
            read_key=read_first_key(settings),
        )
        self._fallbacks = SweeperFallbacks(settings, self._hints, self._heartbeat, self._ingest_rate, self._stopping)
        self._weight_keeper = WeightKeeper(self._ingest_rate, self._stopping)
        self._file_keeper = FileKeeper(settings, self._spool, self._stopping)
        self._erasure_keeper = ErasureKeeper(settings, self._spool, self._stopping)
        self._probe_interval = Interval(BROKER_PROBE_SECONDS)
        self._history_interval = Interval(FOLD_HISTORY_SECONDS)
        self._timeline_interval = Interval(TIMELINE_WALK_SECONDS)
        self._has_backfilled_causes = False
        self._has_new_texts = True  # as far as is known
        self._index_flushed_at = float("-inf")
        self._oldest_waiting_seconds = 0.0  # when it was last measured

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._runner.open()
        tasks = [asyncio.create_task(self._runner.run_duty(duty)) for duty in self._duties()]
        tasks += [
            asyncio.create_task(self._runner.repeat(work.__name__, work))
            for work in (self._watch_due_work, self._drain_spool)
        ]
        tasks.append(asyncio.create_task(self._update_spool_gauges()))
        tasks.append(asyncio.create_task(AlarmWatcher(self._settings, self._spool, self._stopping).run()))
        freeze_startup_objects()
        await self._stopping.wait()
        await asyncio.wait(tasks, timeout=20)
        await self._fallbacks.stop()
        self._hints.stop()
        await self._runner.close()
        with contextlib.suppress(Exception):
            async with connect(self._settings.database_url, SWEEPER_APPLICATION) as connection:
                await self._heartbeat.stop(connection)

    def _duties(self) -> list[Duty]:
        return [
            Duty(self._sweep_journal, {"journal"}),
            *self._fallbacks.duties(),
            Duty(self._weight_keeper.take_turn, {"likeness", "cleanups"}, WEIGHTS_CHECK_SECONDS),
            Duty(self._fold_counters, {"counters"}),
            Duty(self._fold_causes, {"causes"}),
            Duty(self._sample_history, BUSY_KINDS, IDLE_SAMPLE_SECONDS),
            Duty(self._fold_lead_counts, {"lead_counts"}),
            Duty(self._fold_search_texts, {"search_texts"}, IDLE_TEXTS_SECONDS),
            Duty(self._clear_references, {"cleanups"}),
            Duty(self._cancel_deliveries, {"cleanups"}),
            Duty(self._start_inactivity_timers, {"cleanups"}),
            Duty(self._watch_silences, set(), WATCH_INTERVAL_SECONDS),
            Duty(self._watch_workspaces, set(), ALARM_INTERVAL_SECONDS),
            Duty(self._send_digests, set(), DIGEST_CHECK_SECONDS),
            Duty(self._update_gauges, BUSY_KINDS, IDLE_GAUGES_SECONDS),
            Duty(self._file_keeper.run, {"erasures"}, CLEANUP_SECONDS, has_own_connection=True),
            Duty(self._erasure_keeper.run, {"erasures"}, FULL_LOG_SECONDS, has_own_connection=True),
            Duty(self._run_maintenance, set(), MAINTENANCE_SECONDS, has_own_connection=True),
        ]

    async def _watch_due_work(self) -> None:
        async with connect(self._settings.database_url, SWEEPER_APPLICATION) as connection:
            await self._heartbeat.start(connection)
            await self._due_work.watch(connection)

    async def _sweep_journal(self, connection: Connection) -> float:
        """Ingest rows whose hint was lost, and all rows for as long as the broker is away."""
        while not self._stopping.is_set():
            patience = 0 if self._hints.is_broker_away() else LOST_HINT_MILLISECONDS
            count = await self._drainer.drain(connection, older_than_ms=patience)
            is_away = self._hints.is_broker_away()
            if count:
                log.info("sweeper.ingested", submissions=count, broker_away=is_away)
            if (count or is_away) and self._probe_interval.has_passed():
                self._hints.ingest.request_hint()
            if not is_away:
                break
            await self._runner.wait_for_stop(BROKERLESS_POLL_SECONDS)
        return JOURNAL_POLL_SECONDS

    async def _drain_spool(self) -> None:
        while not self._stopping.is_set():
            if await self._spool.wait_for_entry(SPOOL_WAIT_SECONDS) and not await self._move_spooled():
                await self._runner.wait_for_stop(SPOOL_WAIT_SECONDS)  # another sweeper is at it

    async def _move_spooled(self) -> bool:
        """Move entries of the spool to the journal until none is left. Return whether this process was free to."""
        async with self._runner.connection() as connection, trying_lock(connection, SPOOL_DRAIN_LOCK) as has_lock:
            while has_lock and not self._stopping.is_set() and (moved := await self._spool.drain_chunk(connection)):
                log.info("spool.drained", submissions=moved)
                self._hints.ingest.request_hint()
        return has_lock

    async def _fold_counters(self, connection: Connection) -> float:
        await ledger.fold_deltas(connection)
        await counters.fold_deltas(connection)
        return FOLD_COUNTS_INTERVAL_SECONDS

    async def _watch_silences(self, connection: Connection) -> float:
        if await watch_silences(connection, self._settings):
            self._hints.deliveries.request_hint()
        return WATCH_INTERVAL_SECONDS

    async def _watch_workspaces(self, connection: Connection) -> float:
        if await watch_workspaces(connection, self._settings):
            self._hints.deliveries.request_hint()
        return ALARM_INTERVAL_SECONDS

    async def _send_digests(self, connection: Connection) -> float:
        if await send_digests(connection, self._settings):
            self._hints.deliveries.request_hint()
        return DIGEST_CHECK_SECONDS

    async def _fold_causes(self, connection: Connection) -> float:
        if not self._has_backfilled_causes:
            await backfill_causes(connection)
            self._has_backfilled_causes = True
        await fold_causes(connection)
        return FOLD_CAUSES_INTERVAL_SECONDS

    async def _sample_history(self, connection: Connection) -> float:
        now = asyncio.get_running_loop().time
        began = now()
        async with trying_lock(connection, HISTORY_LOCK) as has_lock:
            if has_lock:
                await sample_history(connection)
            if has_lock and self._history_interval.has_passed():
                await fold_history(connection)
        # Capped, since a sample also takes long because the server hung: the history would stand still for minutes.
        return min(max(SAMPLE_INTERVAL_SECONDS, SAMPLE_REST_FACTOR * (now() - began)), IDLE_SAMPLE_SECONDS)

    async def _fold_lead_counts(self, connection: Connection) -> float:
        return 0.0 if await fold_lead_counts(connection) else FOLD_COUNTS_INTERVAL_SECONDS

    async def _fold_search_texts(self, connection: Connection) -> float:
        now = asyncio.get_running_loop().time
        while await fold_search_texts(connection, self._note_texts):
            pass
        if self._has_new_texts and now() - self._index_flushed_at > FLUSH_SEARCH_INDEX_SECONDS:
            await flush_search_index(connection)
            self._has_new_texts, self._index_flushed_at = False, now()
        return FOLD_TEXTS_INTERVAL_SECONDS

    def _note_texts(self, leads: int) -> None:
        self._has_new_texts |= bool(leads)
        self._ingest_rate.add(leads)

    async def _clear_references(self, connection: Connection) -> float:
        return 0.0 if await clear_next_chunk(connection) else CLEANUP_POLL_SECONDS

    async def _cancel_deliveries(self, connection: Connection) -> float:
        return 0.0 if await cancel_chunk(connection) else CLEANUP_POLL_SECONDS

    async def _start_inactivity_timers(self, connection: Connection) -> float:
        return 0.0 if await start_chunk(connection) else CLEANUP_POLL_SECONDS

    async def _update_gauges(self, connection: Connection) -> float:
        self._oldest_waiting_seconds = await update_gauges(connection, self._spool)
        return GAUGES_INTERVAL_SECONDS

    async def _update_spool_gauges(self) -> None:
        while not self._stopping.is_set():
            spooled = 0
            with contextlib.suppress(redis.RedisError, OSError):
                spooled = await update_spool_gauges(self._spool, self._oldest_waiting_seconds)
            await self._runner.wait_for_stop(GAUGES_INTERVAL_SECONDS if spooled else IDLE_GAUGES_SECONDS)

    async def _run_maintenance(self, connection: Connection) -> float:
        await run_hourly_maintenance(connection, datetime.now(UTC), self._settings.keep_days)
        await repair_read_models(connection)
        await expire_runs(connection, self._settings.keep_days)
        await expire_audit_log(connection, self._settings.audit_days)
        with_timelines = self._timeline_interval.has_passed()
        await expire_by_workspace(connection, datetime.now(UTC), with_timelines=with_timelines)
        await expire_feeds(connection, self._settings.event_days)
        return MAINTENANCE_SECONDS
