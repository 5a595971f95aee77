"""Turns for callers: whoever asked in vain least of late comes first, and too many who wait are refused.

A flood waits for itself. Someone who comes from another address waits for a turn that is being taken.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from shared.platform.errors import RateLimited

MAX_WAITING_CALLERS: Final = 64
USAGE_HALF_LIFE_SECONDS: Final = 300.0
MAX_KNOWN_CALLERS: Final = 10_000
TOO_MANY_CALLERS_MESSAGE: Final = "Too many people are signing in just now. Try again in a moment."


class RecentUsage:
    """How often each caller asked of late. An earlier time counts half after each half-life."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, tuple[float, float]] = {}  # count, and when it was that, in seconds

    def count_of(self, caller: Hashable) -> float:
        counted, at = self._counts.get(caller, (0.0, 0.0))
        return counted * math.exp2((at - time.monotonic()) / USAGE_HALF_LIFE_SECONDS)

    def add_use(self, caller: Hashable) -> None:
        if len(self._counts) >= MAX_KNOWN_CALLERS:
            # Those who asked once or twice, as most people do, lose little by it.
            self._counts = {each: known for each, known in self._counts.items() if self.count_of(each) > 2}
        if len(self._counts) >= MAX_KNOWN_CALLERS:
            self._counts.clear()
        self._counts[caller] = self.count_of(caller) + 1, time.monotonic()

    def take_back_use(self, caller: Hashable) -> None:
        left = self.count_of(caller) - 1
        if left > 0:
            self._counts[caller] = left, time.monotonic()
        else:
            self._counts.pop(caller, None)


class CallerTurns:
    """So many turns at once."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._usage = RecentUsage()
        self._numbers = count()
        self._waiting: dict[asyncio.Future[None], tuple[Hashable, int]] = {}  # to callers, and numbers in their order

    @asynccontextmanager
    async def turn(self, caller: Hashable) -> AsyncIterator[None]:
        """Hold a turn. Raises RateLimited if too many wait who asked as little as this caller."""
        await self._acquire_turn(caller)
        try:
            yield
        finally:
            self._release_turn()

    def forgive_turn(self, caller: Hashable) -> None:
        """Count a turn as none, since it was not in vain: its caller is no stranger who guesses."""
        self._usage.take_back_use(caller)

    async def _acquire_turn(self, caller: Hashable) -> None:
        self._usage.add_use(caller)
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = caller, next(self._numbers)
        if len(self._waiting) > MAX_WAITING_CALLERS:
            last = max(self._waiting, key=self._queue_rank)
            del self._waiting[last]
            if not last.done():
                last.set_exception(RateLimited(TOO_MANY_CALLERS_MESSAGE, retry_after=2))
        try:
            await turn
        except RateLimited:
            raise
        except BaseException:
            if self._waiting.pop(turn, None) is None and not turn.cancelled():  # granted, but the caller has left
                self._release_turn()
            raise

    def _release_turn(self) -> None:
        able = [asked for asked in self._waiting if not asked.done()]  # others have left, but have not run since
        if not able:
            self._free += 1
            return
        first = min(able, key=self._queue_rank)
        del self._waiting[first]
        first.set_result(None)

    def _queue_rank(self, asked: asyncio.Future[None]) -> tuple[int, int]:
        # The newest of equals is first: when fifty strangers come at once, a person waits for none of those before.
        caller, number = self._waiting[asked]
        return round(self._usage.count_of(caller)), -number
