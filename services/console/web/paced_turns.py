"""Turns at work that may cost much: so many at once, and the rest of the time for everybody else."""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAX_PAUSE_SECONDS = 2.0  # seconds after a long turn


class PacedTurns:
    """Places, each of which works for a share of the time alone.

    Whoever asks is served in order. When more is asked for than fits, each is served less often, and nobody outside
    notices it.
    """

    def __init__(self, places: int, share: float) -> None:
        self._vacant = asyncio.Semaphore(places)
        self._rested_at = [0.0] * places  # a heap: when each vacant place may work again, in seconds
        self._pause_factor = 1 / share - 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place for the length of the block."""
        async with self._vacant:
            rested_at = heapq.heappop(self._rested_at)
            try:
                await asyncio.sleep(max(rested_at - time.monotonic(), 0))
                began = time.monotonic()
                try:
                    yield
                finally:
                    now = time.monotonic()
                    rested_at = now + min((now - began) * self._pause_factor, MAX_PAUSE_SECONDS)
            finally:
                heapq.heappush(self._rested_at, rested_at)
