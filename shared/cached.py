"""A cache of database rows that every request needs, refreshed in one query and usable while the database is away."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from shared import logging
from shared.db import UNAVAILABLE, Connection, Pool, within
from shared.errors import ServiceUnavailable
from shared.notices import Listener, Notices

log = logging.get()

K = TypeVar("K")
V = TypeVar("V")

REFRESH = 4.0  # seconds; a change takes effect within 5 s even if its notification is lost
UNKNOWN = 5_000  # keys remembered as unknown until the next refresh, so that each guess costs one query

FIRST = 1_000  # rows read at the start, at most as many as the cache holds
Read = Callable[[Connection, list[K]], Awaitable[Mapping[K, V]]]
ReadFirst = Callable[[Connection, int], Awaitable[Mapping[K, V]]]


class Cached(Generic[K, V]):
    """The rows that were used most recently, by key. `run` keeps them fresh.

    `read` fetches rows by their keys. `read_first` fetches a number of rows that are likely to be used, the likeliest
    first: without it, a key that was never used before the database went away would stay unknown until it is back.
    A notification on `channel` means that a row changed. At most `most` rows are kept; the least recently used are
    dropped first.
    """

    def __init__(
        self, pool: Pool, notices: Notices, channel: str, read: Read[K, V], read_first: ReadFirst[K, V], most: int
    ) -> None:
        self._pool = pool
        self._channel = channel
        self._read = read
        self._read_first = read_first
        self._most = most
        self._rows: OrderedDict[K, V] = OrderedDict()  # the least recently used first
        self._unknown: set[K] = set()
        self._changed = asyncio.Event()
        notices.listen(channel, Listener(self._note_change, begun=self._catch_up, ended=lambda: None))

    def known(self, key: K) -> V | None:
        """Return the row of that key if it is in memory."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    async def find(self, key: K) -> V | None:
        """Return the row of that key, or None if there is no such row.

        Raises ServiceUnavailable if the key is not in memory and the database is away: the row may exist.
        """
        row = self.known(key)
        if row is None and key not in self._unknown:
            row = await self._load(key)
        return row

    def forget(self, key: K) -> None:
        """Drop that row, so that its next use reads it again.

        For rows changed by this process, whose notification has not arrived yet.
        """
        self._rows.pop(key, None)
        self._unknown.discard(key)

    async def _load(self, key: K) -> V | None:
        try:
            found = await within(2, self._query([key]))
        except UNAVAILABLE as error:
            raise ServiceUnavailable("This cannot be looked up just now. Send the request again.") from error
        if not found and len(self._unknown) < UNKNOWN:
            self._unknown.add(key)
        self._keep(found)
        return found.get(key)

    def _keep(self, rows: Mapping[K, V]) -> None:
        """Store rows as the most recently used ones, the last of them most recent of all, within the limit."""
        for key, row in rows.items():
            self._rows[key] = row
            self._rows.move_to_end(key)
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)

    async def _query(self, keys: list[K]) -> Mapping[K, V]:
        async with self._pool.connection() as connection:
            return await self._read(connection, keys)

    async def refresh(self) -> None:
        """Read every cached row again, which does not count as a use, and drop the deleted ones.

        If the query fails, it raises and the cache stays as it was.
        """
        before = dict(self._rows)
        found = await self._query(list(before)) if before else {}
        for key, row in before.items():
            # The query may have read a row that was invalidated meanwhile before its change: keep the newer state.
            if self._rows.get(key) is not row:
                continue
            if key in found:
                self._rows[key] = found[key]
            else:
                del self._rows[key]
        self._unknown.clear()

    async def run(self) -> None:
        """Refresh until cancelled: every few seconds, and at once when a row changed."""
        looked_ahead = False
        while True:
            try:
                async with asyncio.timeout(REFRESH):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            looked_ahead = looked_ahead or await self._look_ahead()
            await self._keep_fresh()

    async def _keep_fresh(self) -> None:
        try:
            await within(REFRESH, self.refresh())
        except UNAVAILABLE as error:
            log.warning("cache.stale", of=self._channel, error=type(error).__name__)

    def _note_change(self, _: bytes) -> None:
        self._changed.set()

    async def _catch_up(self) -> None:
        self._changed.set()

    async def _look_ahead(self) -> bool:
        """Read the rows that are likely to be used, without displacing any that were. Return whether it succeeded."""
        try:
            likely = await within(REFRESH, self._query_first())
        except UNAVAILABLE as error:
            log.warning("cache.empty", of=self._channel, error=type(error).__name__)
            return False
        used, self._rows = self._rows, OrderedDict()
        self._keep(dict(reversed(list(likely.items()))))
        self._keep(used)
        return True

    async def _query_first(self) -> Mapping[K, V]:
        async with self._pool.connection() as connection:
            return await self._read_first(connection, min(FIRST, self._most))
