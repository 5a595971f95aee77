"""The queue of password hashes: threads of their own, and whoever asked least of late comes first.

A flood of sign-ins waits for itself. Someone who comes from another address waits for the hash that is being made, and
the event loop for none.
"""

import asyncio
import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final, TypeVar

from shared.errors import RateLimited

ResultT = TypeVar("ResultT")

CORES_PER_THREAD: Final = 4
HASH_NICENESS: Final = 5  # requests that are answered meanwhile come first
MAX_WAITING_HASHES: Final = 64  # about four seconds of work
USAGE_HALF_LIFE_SECONDS: Final = 300.0
MAX_KNOWN_CALLERS: Final = 10_000
TOO_MANY_SIGN_INS_MESSAGE: Final = "Too many people are signing in just now. Try again in a moment."


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


class HashQueue:
    """Runs hashes in threads. There is one per process."""

    def __init__(self) -> None:
        self._free = max((os.cpu_count() or 1) // CORES_PER_THREAD, 1)
        self._threads = ThreadPoolExecutor(self._free, "password-hash", initializer=_yield_to_others)
        self._usage = RecentUsage()
        self._numbers = count()
        self._waiting: dict[asyncio.Future[None], tuple[Hashable, int]] = {}  # to callers, and numbers in their order

    async def run_hash(self, caller: Hashable, work: Callable[[], ResultT]) -> ResultT:
        """Return the result of `work`. Raises RateLimited if too many wait who asked as little as this caller."""
        await self._acquire_thread(caller)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._release_thread()

    async def _acquire_thread(self, caller: Hashable) -> None:
        self._usage.add_use(caller)
        if self._free:
            self._free -= 1
            return
        asked = asyncio.get_running_loop().create_future()
        self._waiting[asked] = caller, next(self._numbers)
        if len(self._waiting) > MAX_WAITING_HASHES:
            last = max(self._waiting, key=self._queue_rank)
            del self._waiting[last]
            last.set_exception(RateLimited(TOO_MANY_SIGN_INS_MESSAGE, retry_after=2))
        try:
            await asked
        except RateLimited:
            raise
        except BaseException:
            if self._waiting.pop(asked, None) is None:  # the thread was granted, but the caller has left
                self._release_thread()
            raise

    def _release_thread(self) -> None:
        able = [asked for asked in self._waiting if not asked.done()]  # others have left, but have not run since
        if not able:
            self._free += 1
            return
        first = min(able, key=self._queue_rank)
        del self._waiting[first]
        first.set_result(None)

    def _queue_rank(self, asked: asyncio.Future[None]) -> tuple[float, int]:
        caller, number = self._waiting[asked]
        return self._usage.count_of(caller), number


def _yield_to_others() -> None:
    # Linux has a niceness for each thread.
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASH_NICENESS)
