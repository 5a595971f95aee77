"""What was read lately, for all who ask: reads that are under way are shared, and results are kept for some seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from shared.platform.db.database_errors import is_unavailable

T = TypeVar("T")

MAX_REMEMBERED = 1000  # results


class RecentReads:
    """The results by their keys. Many pages that ask at once cost one read."""

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[float, Any]] = {}
        self._running: dict[Hashable, asyncio.Task[Any]] = {}

    async def read(self, key: Hashable, seconds: float, reader: Callable[[], Awaitable[T]]) -> T:
        """Return a result that is at most so many seconds old. Raises what `reader` raises."""
        known = self._results.get(key)
        if known is not None and time.monotonic() - known[0] < seconds:
            result: T = known[1]
            return result
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._run(key, reader))
        result = await asyncio.shield(running)  # a caller who leaves takes nothing from the others
        return result

    async def read_or_last(self, key: Hashable, seconds: float, reader: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """Return the same; without the database the last result, or `otherwise` if there is none."""
        try:
            return await self.read(key, seconds, reader)
        except Exception as error:
            if not is_unavailable(error):
                raise
            return self._results[key][1] if key in self._results else otherwise

    def forget(self, key: Hashable) -> None:
        """Read again at the next time, after a change. A read that is under way may have missed the change."""
        self._results.pop(key, None)
        self._running.pop(key, None)

    async def _run(self, key: Hashable, reader: Callable[[], Awaitable[T]]) -> T:
        began, this = time.monotonic(), asyncio.current_task()
        try:
            result = await reader()
        finally:
            is_valid = self._running.get(key) is this
            if is_valid:
                del self._running[key]
        if is_valid:
            if len(self._results) >= MAX_REMEMBERED:
                self._results.clear()
            self._results[key] = began, result
        return result
