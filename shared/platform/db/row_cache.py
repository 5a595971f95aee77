"""A cache of database rows that every request needs, refreshed in one query and usable while the database is away."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import psycopg

from shared.platform.db.connections import Connection, ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.db.notifications import ChannelHandler, NotificationListener
from shared.platform.errors import ServiceUnavailable
from shared.platform.observability import logging

log = logging.get_logger()

K = TypeVar("K")
V = TypeVar("V")

CACHE_REFRESH_SECONDS = 4.0  # seconds; a change takes effect within 5 s even if its notification is lost
MAX_UNKNOWN_KEYS = 5_000  # keys remembered as unknown until the next refresh, so that each guess costs one query

PRELOADED_ROWS = 1_000  # rows read at the start, at most as many as the cache holds
ReadRows = Callable[[Connection, list[K]], Awaitable[Mapping[K, V]]]
PreloadRows = Callable[[Connection, int], Awaitable[Mapping[K, V]]]


class RowCache(Generic[K, V]):
    """The rows that were used most recently, by key. `run` keeps them fresh.

    `read_rows` fetches rows by their keys. `preload_rows` fetches a number of rows that are likely to be used, the
    likeliest first: without it, a key that was never used before the database went away would stay unknown until it is
    back.
    A notification on `channel` means that a row changed. At most `max_rows` rows are kept; the least recently used are
    dropped first.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        listener: NotificationListener,
        channel: str,
        read_rows: ReadRows[K, V],
        preload_rows: PreloadRows[K, V],
        max_rows: int,
    ) -> None:
        self._pool = pool
        self._channel = channel
        self._read_rows = read_rows
        self._preload_rows = preload_rows
        self._max_rows = max_rows
        self._rows: OrderedDict[K, V] = OrderedDict()  # the least recently used first
        self._unknown_keys: set[K] = set()
        self._change_event = asyncio.Event()
        listener.add_handler(
            channel, ChannelHandler(self._on_change, on_connected=self._on_connected, on_disconnected=lambda: None)
        )

    def get_cached(self, key: K) -> V | None:
        """Return the row of that key if it is in memory."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    async def get(self, key: K) -> V | None:
        """Return the row of that key, or None if there is no such row.

        Raises ServiceUnavailable if the key is not in memory and the database is away: the row may exist.
        """
        row = self.get_cached(key)
        if row is None and key not in self._unknown_keys:
            row = await self._load_row(key)
        return row

    def invalidate(self, key: K) -> None:
        """Drop that row, so that its next use reads it again.

        For rows changed by this process, whose notification has not arrived yet.
        """
        self._rows.pop(key, None)
        self._unknown_keys.discard(key)

    async def _load_row(self, key: K) -> V | None:
        try:
            rows = await with_deadline(2, self._query_rows([key]))
        except UNAVAILABLE_ERRORS as error:
            raise ServiceUnavailable("This cannot be looked up just now. Send the request again.") from error
        if not rows and len(self._unknown_keys) < MAX_UNKNOWN_KEYS:
            self._unknown_keys.add(key)
        self._store_rows(rows)
        return rows.get(key)

    def _store_rows(self, rows: Mapping[K, V]) -> None:
        """Store rows as the most recently used ones, the last of them most recent of all, within the limit."""
        for key, row in rows.items():
            self._rows[key] = row
            self._rows.move_to_end(key)
        while len(self._rows) > self._max_rows:
            self._rows.popitem(last=False)

    async def _query_rows(self, keys: list[K]) -> Mapping[K, V]:
        while True:
            async with self._pool.connection() as connection:
                try:
                    return await self._read_rows(connection, keys)
                except psycopg.OperationalError:
                    # It broke while it lay in the pool, such as when the server restarted. The pool drops it and hands
                    # out another one, or raises if it gets none.
                    if not connection.broken:
                        raise

    async def refresh_all(self) -> None:
        """Read every cached row again, which does not count as a use, and drop the deleted ones.

        If the query fails, it raises and the cache stays as it was.
        """
        before = dict(self._rows)
        rows = await self._query_rows(list(before)) if before else {}
        for key, row in before.items():
            # The query may have read a row that was invalidated meanwhile before its change: keep the newer state.
            if self._rows.get(key) is not row:
                continue
            if key in rows:
                self._rows[key] = rows[key]
            else:
                del self._rows[key]
        self._unknown_keys.clear()

    async def run(self) -> None:
        """Refresh until cancelled: every few seconds, and at once when a row changed."""
        looked_ahead = False
        while True:
            try:
                async with asyncio.timeout(CACHE_REFRESH_SECONDS):
                    await self._change_event.wait()
            except TimeoutError:
                pass
            self._change_event.clear()
            looked_ahead = looked_ahead or await self._try_preload()
            await self._keep_fresh()

    async def _keep_fresh(self) -> None:
        try:
            await with_deadline(CACHE_REFRESH_SECONDS, self.refresh_all())
        except UNAVAILABLE_ERRORS as error:
            log.warning("cache.stale", of=self._channel, error=type(error).__name__)

    def _on_change(self, _: bytes) -> None:
        self._change_event.set()

    async def _on_connected(self) -> None:
        self._change_event.set()

    async def _try_preload(self) -> bool:
        """Read the rows that are likely to be used, without displacing any that were. Return whether it succeeded."""
        try:
            likely = await with_deadline(CACHE_REFRESH_SECONDS, self._query_likely_rows())
        except UNAVAILABLE_ERRORS as error:
            log.warning("cache.empty", of=self._channel, error=type(error).__name__)
            return False
        used, self._rows = self._rows, OrderedDict()
        self._store_rows(dict(reversed(list(likely.items()))))
        self._store_rows(used)
        return True

    async def _query_likely_rows(self) -> Mapping[K, V]:
        async with self._pool.connection() as connection:
            return await self._preload_rows(connection, min(PRELOADED_ROWS, self._max_rows))
