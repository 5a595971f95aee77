"""The sweeper's part in likeness: it wakes workers, compares leads if none does, learns weights and backfills."""

import asyncio
import contextlib
from collections.abc import Callable

from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.likeness_backfill import backfill_chunk
from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.likeness.queue_progress import QueueProgress
from services.workers.likeness.queue_rows import QueueHeads, read_heads
from services.workers.likeness.weight_training import train_due
from shared.platform.db.connections import Connection

CHECK_SECONDS = 0.5  # seconds between two checks
OVERDUE_SECONDS = 5.0  # seconds after which no worker is assumed to have time
MAX_POSTPONED_SECONDS = 60.0  # seconds for which ingest goes first
FALLBACK_SECONDS = 0.2  # seconds of work before the next check
TRAINING_CHECK_SECONDS = 2.0
BURST_PAUSE_SECONDS = 1.0  # seconds between two slices of learning during a burst of leads


class LikenessFallback:
    """Watches likeness from the sweeper. `is_broker_away` returns whether hints are lost.

    While `ingest_rate` is high, it neither compares nor learns for up to a minute.
    """

    def __init__(
        self,
        send_hint: Callable[[], object],
        is_broker_away: Callable[[], bool],
        stopping: asyncio.Event,
        ingest_rate: IngestRate,
    ) -> None:
        self._engine = LikenessEngine(stopping.is_set)
        self._ingest_rate = ingest_rate
        self._progress = QueueProgress()
        self._send_hint = send_hint
        self._is_broker_away = is_broker_away
        self._stopping = stopping
        self._trained_at = asyncio.get_running_loop().time()

    async def take_turn(self, connection: Connection) -> float:
        """Look into the queue once. Return the seconds until the next turn, if leads wait then."""
        heads = await read_heads(connection)
        idle_seconds = self._progress.note(heads)
        if heads.rows:
            if self._is_needed(heads, idle_seconds):
                await self._engine.run(connection, seconds=FALLBACK_SECONDS)
                self._progress.ignore_change(await read_heads(connection))
            self._send_hint()  # last: a worker that found the workspaces locked would take nothing
        return CHECK_SECONDS

    def _is_needed(self, heads: QueueHeads, idle_seconds: float) -> bool:
        """Return whether workers do not compare, or not enough because callers keep them busy."""
        waited = heads.seconds if self._ingest_rate.has_callers else idle_seconds
        return self._is_broker_away() or waited > self._patience(OVERDUE_SECONDS)

    async def keep_weights(self, connection: Connection) -> float:
        """Learn weights and backfill once. Return the seconds until the next turn, if leads wait then."""
        now = asyncio.get_running_loop().time
        await backfill_chunk(connection)
        if now() - self._trained_at > self._patience(TRAINING_CHECK_SECONDS):
            await train_due(connection, self._let_ingest_go_first)
            self._trained_at = now()
        return CHECK_SECONDS

    def _patience(self, seconds: float) -> float:
        return MAX_POSTPONED_SECONDS if self._ingest_rate.is_burst else seconds

    async def _let_ingest_go_first(self) -> None:
        if self._ingest_rate.is_burst:
            await self._wait(BURST_PAUSE_SECONDS)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
