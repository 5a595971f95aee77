"""The work that the sweeper does where no worker does it: a fallback for each kind, with what differs."""

import asyncio
from collections.abc import Callable

from services.workers.automations.engine import AutomationEngine
from services.workers.deliveries import claim as delivery_claims
from services.workers.deliveries.http_client import SafeResolver
from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.sender import DeliverySender
from services.workers.imports.import_engine import ImportEngine
from services.workers.jobs.job_engine import JobEngine
from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.likeness.queue_progress import QueueProgress
from services.workers.likeness.queue_rows import read_heads
from services.workers.outbox import event_claims
from services.workers.processes.heartbeat import Heartbeat
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from services.workers.source_fetches import fetch_claims
from services.workers.source_fetches.fetch_engine import FetchEngine
from services.workers.source_fetches.polls import has_due_poll
from services.workers.source_fetches.provider_client import ProviderClient
from services.workers.sweeper.duty_runner import Duty
from services.workers.sweeper.interval import Interval
from services.workers.sweeper.sweeper_fallback import BackgroundEngine, SweeperFallback, Waiting, find_by_age
from services.workers.sweeper.sweeper_hints import SweeperHints
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

CHECK_SECONDS = 0.2  # seconds between two looks for deliveries, fetches and jobs
OUTBOX_CHECK_SECONDS = 0.1  # the same for automations
LIKENESS_CHECK_SECONDS = 0.5  # the same for likeness
OVERDUE_SECONDS = 1.0  # seconds of waiting after which no worker is assumed to work
LIKENESS_OVERDUE_SECONDS = 5.0  # the same for likeness
LIKENESS_POSTPONED_SECONDS = 60.0  # the same during a burst of leads: ingest goes first
WORK_SECONDS = 1.0  # seconds of automations or jobs before the next look
LIKENESS_WORK_SECONDS = 0.2  # the same for likeness
SKIP_INTERVAL_SECONDS = 1.0  # seconds between two drops of events without rules
POLL_CHECK_SECONDS = 5.0  # seconds between two looks for polls

Signal = Callable[[], object]


class SweeperFallbacks:
    """The fallbacks of a sweeper.

    They survive a reconnection of their duties: they keep their batch sizes, and deliveries in flight go on.
    """

    def __init__(
        self,
        settings: Settings,
        hints: SweeperHints,
        heartbeat: Heartbeat,
        ingest_rate: IngestRate,
        stopping: asyncio.Event,
    ) -> None:
        is_away, wake_ingest = hints.is_broker_away, hints.ingest.request_hint
        wake_senders, knowledge = hints.deliveries.request_hint, (heartbeat.pauses, heartbeat.statistics)
        self._automations = automation_fallback(
            settings, hints.automations.request_hint, wake_senders, is_away, stopping, *knowledge
        )
        self._deliveries, self._sender = delivery_fallback(settings, wake_senders, is_away, stopping, *knowledge)
        self._jobs = [
            job_fallback(engine, hints.jobs.request_hint, wake_ingest, is_away)
            for engine in (JobEngine(stopping.is_set), ImportEngine(stopping.is_set))
        ]
        self._fetches, self._fetcher = fetch_fallback(
            settings, hints.fetches.request_hint, wake_ingest, is_away, stopping
        )
        self._likeness = likeness_fallback(hints.likeness.request_hint, is_away, stopping, ingest_rate)

    def duties(self) -> list[Duty]:
        """Return a duty for each kind of work."""
        return [
            Duty(self._automations.take_turn, {"automations"}, name="automation_fallback"),
            Duty(self._deliveries.take_turn, {"deliveries"}, name="delivery_fallback"),
            Duty(self._watch_jobs, {"jobs"}, name="job_fallback"),
            Duty(self._fetches.take_turn, {"fetches", "jobs"}, POLL_CHECK_SECONDS, name="fetch_fallback"),
            Duty(self._likeness.take_turn, {"likeness"}, name="likeness_fallback"),
        ]

    async def stop(self) -> None:
        """Wait for deliveries and fetches under way, after the process was asked to end."""
        for engine in (self._sender, self._fetcher):
            await engine.stop()

    async def _watch_jobs(self, connection: Connection) -> float:
        return min([await fallback.take_turn(connection) for fallback in self._jobs])


def automation_fallback(
    settings: Settings,
    send_hint: Signal,
    wake_senders: Signal,
    is_broker_away: Callable[[], bool],
    stopping: asyncio.Event,
    pauses: PauseWatch,
    statistics: WorkStatistics,
) -> SweeperFallback:
    """Make the fallback for events and due runs. `wake_senders` is called after deliveries were committed."""
    engine = AutomationEngine(settings, wake_senders, stopping.is_set, pauses, statistics)
    skip_interval = Interval(SKIP_INTERVAL_SECONDS)

    async def find_waiting(connection: Connection, overdue_seconds: float) -> Waiting:
        if skip_interval.has_passed():
            while await event_claims.skip_unwatched(connection) == event_claims.SKIP_CHUNK_SIZE:
                pass
        paused = (await pauses.get_current(connection)).automations
        waited = await event_claims.seconds_waiting(connection, paused)
        return _judge_wait(waited, overdue_seconds)

    async def act(connection: Connection) -> None:
        await engine.run(connection, seconds=WORK_SECONDS)

    patience = _patience(is_broker_away, OVERDUE_SECONDS)
    return SweeperFallback(find_waiting, act, send_hint, patience, OUTBOX_CHECK_SECONDS)


def delivery_fallback(
    settings: Settings,
    send_hint: Signal,
    is_broker_away: Callable[[], bool],
    stopping: asyncio.Event,
    pauses: PauseWatch,
    statistics: WorkStatistics,
) -> tuple[SweeperFallback, BackgroundEngine]:
    """Make the fallback for deliveries, and the sender that it wakes."""
    patience = _patience(is_broker_away, OVERDUE_SECONDS)

    async def make_sender() -> DeliverySender:
        cipher = await asyncio.to_thread(Cipher.from_settings, settings)  # reading a key takes 50 ms
        return DeliverySender(
            settings.database_url,
            DeliveryPreparer(settings, cipher),
            SafeResolver(AddressPolicy.from_text(settings.allowed_targets)),
            overdue_seconds=patience,
            stopping=stopping.is_set,
            pauses=pauses,
            statistics=statistics,
        )

    async def find_waiting(connection: Connection, overdue_seconds: float) -> Waiting:
        if released := await delivery_claims.release_orphaned(connection):
            log.warning("deliveries.released", n=released)
        paused = (await pauses.get_current(connection)).deliveries
        return await find_by_age(
            lambda seconds: delivery_claims.has_due(connection, overdue=seconds, paused=paused), overdue_seconds
        )

    sender = BackgroundEngine(make_sender)
    return SweeperFallback(find_waiting, sender.wake, send_hint, patience, CHECK_SECONDS), sender


def fetch_fallback(
    settings: Settings,
    send_hint: Signal,
    wake_ingest: Signal,
    is_broker_away: Callable[[], bool],
    stopping: asyncio.Event,
) -> tuple[SweeperFallback, BackgroundEngine]:
    """Make the fallback for fetches, backfills and polls, and the engine that it wakes."""
    patience = _patience(is_broker_away, OVERDUE_SECONDS)
    poll_interval = Interval(POLL_CHECK_SECONDS)

    async def make_engine() -> FetchEngine:
        cipher = await asyncio.to_thread(Cipher.from_settings, settings)  # reading a key takes 50 ms
        resolver = SafeResolver(AddressPolicy.from_text(settings.allowed_targets))
        return FetchEngine(
            settings.database_url,
            cipher,
            lambda: ProviderClient(settings, resolver),
            wake_ingest=wake_ingest,
            stopping=stopping.is_set,
            overdue_seconds=patience,
        )

    async def find_waiting(connection: Connection, overdue_seconds: float) -> Waiting:
        if released := await fetch_claims.release_orphaned(connection):
            log.warning("fetches.released", n=released)
        is_due = await fetch_claims.has_due(connection)
        is_due = is_due or (poll_interval.has_passed() and await has_due_poll(connection))
        if not is_due:
            return Waiting.NOTHING
        is_overdue = await fetch_claims.has_due(connection, overdue=overdue_seconds)
        is_overdue = is_overdue or await has_due_poll(connection, overdue=overdue_seconds)
        return Waiting.OVERDUE if is_overdue else Waiting.DUE

    fetcher = BackgroundEngine(make_engine)
    return SweeperFallback(find_waiting, fetcher.wake, send_hint, patience, CHECK_SECONDS), fetcher


def job_fallback(
    engine: JobEngine | ImportEngine, send_hint: Signal, wake_ingest: Signal, is_broker_away: Callable[[], bool]
) -> SweeperFallback:
    """Make the fallback for jobs or for imports. Both may write to the journal: `wake_ingest` is called afterwards."""

    async def find_waiting(connection: Connection, overdue_seconds: float) -> Waiting:
        return await find_by_age(lambda seconds: engine.has_due(connection, overdue=seconds), overdue_seconds)

    async def act(connection: Connection) -> None:
        await engine.run(connection, seconds=WORK_SECONDS)
        wake_ingest()

    return SweeperFallback(find_waiting, act, send_hint, _patience(is_broker_away, OVERDUE_SECONDS), CHECK_SECONDS)


def likeness_fallback(
    send_hint: Signal, is_broker_away: Callable[[], bool], stopping: asyncio.Event, ingest_rate: IngestRate
) -> SweeperFallback:
    """Make the fallback for the comparison of leads. While `ingest_rate` is high, it waits for up to a minute."""
    engine, progress = LikenessEngine(stopping.is_set), QueueProgress()

    async def find_waiting(connection: Connection, overdue_seconds: float) -> Waiting:
        heads = await read_heads(connection)
        idle_seconds = progress.note(heads)
        # Workers do not compare, or not enough because callers keep them busy.
        waited = heads.seconds if ingest_rate.has_callers else idle_seconds
        return _judge_wait(waited if heads.rows else None, overdue_seconds)

    async def act(connection: Connection) -> None:
        await engine.run(connection, seconds=LIKENESS_WORK_SECONDS)
        progress.ignore_change(await read_heads(connection))

    def patience() -> float:
        seconds = LIKENESS_POSTPONED_SECONDS if ingest_rate.is_burst else LIKENESS_OVERDUE_SECONDS
        return _patience(is_broker_away, seconds)()

    # A worker that found the workspaces locked would take nothing.
    return SweeperFallback(find_waiting, act, send_hint, patience, LIKENESS_CHECK_SECONDS, hints_last=True)


def _patience(is_broker_away: Callable[[], bool], seconds: float) -> Callable[[], float]:
    return lambda: 0.0 if is_broker_away() else seconds


def _judge_wait(waited_seconds: float | None, overdue_seconds: float) -> Waiting:
    if waited_seconds is None:
        return Waiting.NOTHING
    return Waiting.OVERDUE if waited_seconds >= overdue_seconds else Waiting.DUE
