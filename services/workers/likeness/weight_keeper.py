"""The sweeper's care of weights: it learns those that are due, and has leads compared that were there before."""

import asyncio
import contextlib

from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.likeness_backfill import backfill_chunk
from services.workers.likeness.weight_training import train_due
from shared.platform.db.connections import Connection

BACKFILL_SECONDS = 0.5  # seconds between two chunks of a backfill
TRAINING_CHECK_SECONDS = 2.0  # seconds between two looks for weights to learn
POSTPONED_TRAINING_SECONDS = 60.0  # the same during a burst of leads: ingest goes first
BURST_PAUSE_SECONDS = 1.0  # seconds between two slices of learning during a burst of leads


class WeightKeeper:
    """Learns weights and backfills, in turns. While `ingest_rate` is high, it learns once a minute, with pauses."""

    def __init__(self, ingest_rate: IngestRate, stopping: asyncio.Event) -> None:
        self._ingest_rate = ingest_rate
        self._stopping = stopping
        self._trained_at = asyncio.get_running_loop().time()

    async def take_turn(self, connection: Connection) -> float:
        """Learn weights and backfill once. Return the seconds until the next turn, if leads wait then."""
        now = asyncio.get_running_loop().time
        await backfill_chunk(connection)
        wait = POSTPONED_TRAINING_SECONDS if self._ingest_rate.is_burst else TRAINING_CHECK_SECONDS
        if now() - self._trained_at > wait:
            await train_due(connection, self._let_ingest_go_first)
            self._trained_at = now()
        return BACKFILL_SECONDS

    async def _let_ingest_go_first(self) -> None:
        if self._ingest_rate.is_burst:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), BURST_PAUSE_SECONDS)
