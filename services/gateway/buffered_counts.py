"""Counts that are kept in memory and written about once a second, so that a request waits for no row.

A crash loses the counts of the last second, and no lead.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Generic, TypeVar

from shared.platform.db.connections import Connection, ConnectionPool
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

FLUSH_COUNTS_SECONDS = 1.0
HOUR_SECONDS = 3600
MAX_UNWRITTEN_COUNTS = 50_000  # counts kept while the database is away

KeyT = TypeVar("KeyT", bound=tuple[object, ...])


class BufferedCounts(ABC, Generic[KeyT]):
    """The counts of one gateway process, by key. `run` writes them. `name` stands in the log line of a failure."""

    name: str

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._counts: Counter[KeyT] = Counter()
        self._last_at: dict[KeyT, float] = {}

    def add(self, key: KeyT, n: int = 1) -> None:
        """Count something now. It is dropped while there are too many unwritten counts."""
        if key in self._counts or len(self._counts) < MAX_UNWRITTEN_COUNTS:
            self._counts[key] += n
            self._last_at[key] = time.time()

    async def run(self) -> None:
        """Write the counts until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_COUNTS_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted. While the database is away the counts stay in memory."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        last_at, self._last_at = self._last_at, {}
        try:
            async with self._pool.connection() as connection:
                await self.write(connection, counts, last_at)
        except Exception as error:
            if not is_unavailable(error):
                log.exception(f"{self.name}.failed")
                return
            self._counts.update(counts)
            self._last_at = {**last_at, **self._last_at}

    @abstractmethod
    async def write(self, connection: Connection, counts: Mapping[KeyT, int], last_at: Mapping[KeyT, float]) -> None:
        """Write counts. `last_at`: when each was last counted, in seconds since the epoch."""


def current_hour() -> int:
    """Return the hours since the epoch."""
    return int(time.time()) // HOUR_SECONDS
