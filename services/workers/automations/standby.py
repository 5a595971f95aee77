"""The sweeper's fallback: it wakes the workers when work waits, and does the work itself if no worker does."""

import asyncio
import contextlib
from collections.abc import Callable

from services.workers.automations import outbox
from services.workers.automations.engine import Engine
from shared.db import Connection
from shared.settings import Settings

LOOK = 0.1  # seconds between two checks
OVERDUE = 1.0  # seconds of waiting after which we assume that no worker is active
SKIP = 1.0  # seconds between two drops of events without rules


class Standby:
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
    ) -> None:
        self._engine = Engine(settings, deliver, stopping.is_set)
        self._hint = hint
        self._broker_away = broker_away
        self._stopping = stopping
        self._skipped = 0.0

    async def watch(self, connection: Connection) -> None:
        """Watch until the process stops, on a connection of its own."""
        while not self._stopping.is_set():
            await self._skip(connection)
            waiting = await outbox.waiting(connection)
            if waiting is not None:
                self._hint()
            if waiting is not None and (waiting > OVERDUE or self._broker_away()):
                await self._engine.run(connection, seconds=OVERDUE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK)

    async def _skip(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._skipped > SKIP:
            self._skipped = now
            while await outbox.skip(connection) == outbox.SKIPPED:
                pass
