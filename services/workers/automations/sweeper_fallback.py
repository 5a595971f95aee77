"""The sweeper's fallback: it wakes the workers when work waits, and does the work itself if no worker does."""

import asyncio
from collections.abc import Callable

from services.workers.automations import outbox
from services.workers.automations.engine import AutomationEngine
from services.workers.lane_pauses import PauseWatch
from services.workers.work_statistics import WorkStatistics
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

OUTBOX_CHECK_INTERVAL_SECONDS = 0.1  # seconds between two checks
AUTOMATIONS_OVERDUE_SECONDS = 1.0  # seconds of waiting after which we assume that no worker is active
SKIP_INTERVAL_SECONDS = 1.0  # seconds between two drops of events without rules


class AutomationFallback:
    """Watches the outbox from the sweeper.

    `hint` wakes the workers, and `broker_away` returns whether hints cannot be sent. `deliver` wakes the senders.
    """

    def __init__(
        self,
        settings: Settings,
        hint: Callable[[], object],
        deliver: Callable[[], object],
        broker_away: Callable[[], bool],
        stopping: asyncio.Event,
        pauses: PauseWatch | None = None,
        statistics: WorkStatistics | None = None,
    ) -> None:
        self._pauses = pauses or PauseWatch()
        self._engine = AutomationEngine(settings, deliver, stopping.is_set, self._pauses, statistics)
        self._wake_workers = hint
        self._is_broker_away = broker_away
        self._skipped_at = 0.0

    async def take_turn(self, connection: Connection) -> float:
        """Look for work once. Return the seconds until the next turn, if work waits then."""
        await self._skip_unwatched(connection)
        paused = (await self._pauses.get_current(connection)).automations
        waiting = await outbox.seconds_waiting(connection, paused)
        if waiting is not None:
            self._wake_workers()
        if waiting is not None and (waiting > AUTOMATIONS_OVERDUE_SECONDS or self._is_broker_away()):
            await self._engine.run(connection, seconds=AUTOMATIONS_OVERDUE_SECONDS)
        return OUTBOX_CHECK_INTERVAL_SECONDS

    async def _skip_unwatched(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._skipped_at > SKIP_INTERVAL_SECONDS:
            self._skipped_at = now
            while await outbox.skip_unwatched(connection) == outbox.SKIP_CHUNK_SIZE:
                pass
