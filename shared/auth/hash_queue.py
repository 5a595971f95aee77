"""The queue of password hashes: threads of their own, so that a flood of sign-ins takes neither all cores nor the
event loop, and the memory of few hashes.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from shared.auth.caller_turns import CallerTurns

ResultT = TypeVar("ResultT")

CORES_PER_THREAD: Final = 4
HASH_NICENESS: Final = 5  # requests that are answered meanwhile come first


class HashQueue:
    """Runs hashes in threads. There is one per process."""

    def __init__(self) -> None:
        threads = max((os.cpu_count() or 1) // CORES_PER_THREAD, 1)
        self._threads = ThreadPoolExecutor(threads, "password-hash", initializer=_yield_to_others)
        self._turns = CallerTurns(threads)

    async def run_hash(self, caller: Hashable, work: Callable[[], ResultT]) -> ResultT:
        """Return the result of `work`. Raises RateLimited if too many wait."""
        async with self._turns.turn(caller):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def forgive_hash(self, caller: Hashable) -> None:
        """Count a hash of the caller as none: the password was right."""
        self._turns.forgive_turn(caller)


def _yield_to_others() -> None:
    # Linux has a niceness for each thread.
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASH_NICENESS)
