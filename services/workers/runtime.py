"""The state that a worker process keeps between messages: one event loop, one connection, one heartbeat.

Use cases are async and run on this loop, so the data layer needs no synchronous version.
"""

import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from services.workers.automations.engine import AutomationEngine
from services.workers.deliveries.sender_thread import SenderThread
from services.workers.due_work import has_worker_work
from services.workers.imports.import_engine import ImportEngine
from services.workers.ingest.drain import JournalDrainer
from services.workers.jobs.job_engine import JobEngine
from services.workers.libpq_pipeline import open_blocking_connection
from services.workers.likeness.caller_watch import CallerWatch
from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.processes.heartbeat import Heartbeat
from services.workers.source_fetches.fetcher_thread import FetcherThread
from shared.platform.crypto.encryption import read_first_key
from shared.platform.crypto.settings_fingerprints import fingerprint_reader
from shared.platform.db.connections import Connection, has_server_left
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS, is_unavailable
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

JOBS_TURN_SECONDS = 0.05  # seconds of jobs before a worker handles its other queues again
LIKENESS_TURN_SECONDS = 0.5  # seconds of likeness before a worker handles its other queues again, if nothing waits
BRIEF_LIKENESS_TURN_SECONDS = 0.03  # the same, when a lead has just come: a batch is given up at the next one
AUTOMATIONS_TURN_SECONDS = 0.05  # seconds of automations before a worker handles its other queues again


class Worker:
    """A worker process. Every method blocks: Celery's own thread calls it, one message at a time.

    `wake_another` sends an ingest hint to another worker, `send_automation_hint` one that automations are due,
    `send_job_hint` one that jobs are, `send_likeness_hint` one that leads wait to be compared. `stopping` returns
    whether the process was asked to end.
    """

    def __init__(
        self,
        settings: Settings,
        wake_another: Callable[[], object],
        send_automation_hint: Callable[[], object],
        stopping: Callable[[], bool],
        send_job_hint: Callable[[], object] = lambda: None,
        send_likeness_hint: Callable[[], object] = lambda: None,
    ) -> None:
        self._url = settings.database_url
        self._loop = uvloop.new_event_loop()
        uses = fingerprint_reader(settings)
        self._heartbeat = Heartbeat("worker", settings.process_name or "worker", self._url, uses)
        self._drainer = JournalDrainer(
            self._heartbeat,
            wake_another,
            stopping,
            read_key=read_first_key(settings),
            sleep=_sleep_in_thread,
            automate=self._run_round,
        )
        knowledge = self._heartbeat.pauses, self._heartbeat.statistics
        self._sender_thread = SenderThread(settings, *knowledge)
        self._engine = AutomationEngine(settings, self._sender_thread.wake, stopping, *knowledge)
        self._fetcher_thread = FetcherThread(settings)
        self._job_engine = JobEngine(stopping)
        self._import_engine = ImportEngine(stopping, self._drainer.expects_callers)
        self._ingest_rate = IngestRate()
        self._likeness_engine = LikenessEngine(stopping, gives_way=has_worker_work, callers=CallerWatch())
        self._send_likeness_hint = send_likeness_hint
        self._wake_another = wake_another
        self._send_job_hint = send_job_hint
        self._send_automation_hint = send_automation_hint
        self._connection: Connection | None = None

    def start(self) -> None:
        """Register the process. If the database is away, the first message does it instead."""
        self._run_coroutine(self._get_connection())

    def ingest_journal(self) -> None:
        """Drain the journal. While the database is away this does nothing, and the rows wait."""
        self._run_coroutine(self._ingest_journal())

    def run_automations(self) -> None:
        """Run automations for at most one turn, then let ingest continue."""
        self._run_coroutine(self._run_automations())

    def send_deliveries(self) -> None:
        """Send due deliveries in the background."""
        self._sender_thread.wake()

    def fetch_leads(self) -> None:
        """Fetch due leads in the background."""
        self._fetcher_thread.wake()

    def run_jobs(self) -> None:
        """Run chunks of jobs for at most one turn, then let ingest continue."""
        self._run_coroutine(self._run_jobs())

    def find_likenesses(self) -> None:
        """Compare leads for at most one turn. It ends with the batch during which other work came."""
        self._run_coroutine(self._find_likenesses())

    def stop(self) -> None:
        """Finish the deliveries and fetches in flight, unregister the process and close everything."""
        self._sender_thread.stop()
        self._fetcher_thread.stop()
        self._run_coroutine(self._leave_database())
        self._loop.close()

    async def _ingest_journal(self) -> None:
        self._note_ingest(await self._drainer.drain(await self._get_connection()))

    async def _serve_callers(self, connection: Connection) -> None:
        """Ingest, between two chunks of jobs, what callers wait for: a turn of jobs is ten times as long as a lead."""
        await self._ingest_for_callers(connection)

    async def _ingest_for_callers(self, connection: Connection) -> int:
        """Ingest what callers wait for. Return the number of leads."""
        leads = await self._drainer.drain_for_callers(connection)
        self._note_ingest(leads)
        return leads

    def _note_ingest(self, leads: int) -> None:
        self._ingest_rate.add(leads)
        if self._drainer.has_events:
            self._drainer.has_events = False
            self._send_automation_hint()

    async def _run_round(self, connection: Connection) -> None:
        """Run automations for the events of the last batches.

        If the engine fails, ingest continues, and a hint starts a separate turn that reports the error.
        """
        try:
            await self._engine.run(connection, seconds=0)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.warning("automations.postponed", error=type(error).__name__)
            self._send_automation_hint()

    async def _run_automations(self) -> None:
        if not await self._engine.run(await self._get_connection(), seconds=AUTOMATIONS_TURN_SECONDS):
            self._send_automation_hint()

    async def _run_jobs(self) -> None:
        connection = await self._get_connection()
        has_finished = await self._job_engine.run(connection, seconds=JOBS_TURN_SECONDS, between=self._serve_callers)
        has_finished &= await self._import_engine.run(
            connection, seconds=JOBS_TURN_SECONDS, between=self._serve_callers
        )
        if self._job_engine.has_replayed or self._import_engine.has_stored:
            self._job_engine.has_replayed = self._import_engine.has_stored = False
            self._wake_another()
        if not has_finished:
            self._send_job_hint()

    async def _find_likenesses(self) -> None:
        """Give likeness a turn, before and after which callers are served.

        After a caller the next turn waits until the sweeper asks for it, half a second at most: others may follow.
        """
        connection = await self._get_connection()
        callers = await self._ingest_for_callers(connection)
        seconds = BRIEF_LIKENESS_TURN_SECONDS if self._ingest_rate.is_trickle else LIKENESS_TURN_SECONDS
        has_finished = await self._likeness_engine.run(connection, seconds=seconds)
        callers += await self._ingest_for_callers(connection)
        if not has_finished and not callers:
            self._send_likeness_hint()

    async def _leave_database(self) -> None:
        if self._connection is not None:
            await self._heartbeat.stop(self._connection)
            await self._connection.close()

    async def _get_connection(self) -> Connection:
        # The message that finds the connection dead would do nothing and be lost.
        if self._connection is None or has_server_left(self._connection):
            self._connection = await open_blocking_connection(self._url, "leadhub worker")
            await self._heartbeat.start(self._connection)
        return self._connection

    def _run_coroutine(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self._loop.run_until_complete(work)
        except Exception as error:
            self._loop.run_until_complete(self._disconnect())  # the next message connects and registers again
            if not is_unavailable(error):
                raise
            log.warning("worker.database_away", error=type(error).__name__)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*UNAVAILABLE_ERRORS):
                await connection.close()


async def _sleep_in_thread(seconds: float) -> None:
    """Sleep in the thread: nothing else runs on the worker's loop, and the loop's timers are up to 2 ms late."""
    time.sleep(seconds)  # noqa: ASYNC251
