"""The sweeper's part in jobs: it hints workers when a job is due, and runs jobs itself if none does."""

import asyncio
from collections.abc import Callable

from services.workers.imports.import_engine import ImportEngine
from services.workers.jobs.job_engine import JobEngine
from shared.platform.db.connections import Connection

JOBS_CHECK_SECONDS = 0.2  # seconds between two checks
JOBS_OVERDUE_SECONDS = 1.0  # seconds after which no worker is assumed to run jobs
JOBS_FALLBACK_SECONDS = 1.0  # seconds of work before the next check


class JobFallback:
    """Watches jobs from the sweeper. `send_hint` wakes the workers, `is_broker_away` returns whether hints are lost."""

    def __init__(
        self,
        send_hint: Callable[[], object],
        wake_ingest: Callable[[], object],
        is_broker_away: Callable[[], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._engines = (JobEngine(stopping.is_set), ImportEngine(stopping.is_set))
        self._send_hint = send_hint
        self._wake_ingest = wake_ingest
        self._is_broker_away = is_broker_away

    async def take_turn(self, connection: Connection) -> float:
        """Look for work once. Return the seconds until the next turn, if work waits then."""
        for engine in self._engines:
            await self._watch_engine(engine, connection)
        return JOBS_CHECK_SECONDS

    async def _watch_engine(self, engine: JobEngine | ImportEngine, connection: Connection) -> None:
        if not await engine.has_due(connection):
            return
        self._send_hint()
        overdue = 0.0 if self._is_broker_away() else JOBS_OVERDUE_SECONDS
        if await engine.has_due(connection, overdue=overdue):
            await engine.run(connection, seconds=JOBS_FALLBACK_SECONDS)
            self._wake_ingest()
