"""Rows that every request needs: kept in memory, read again in one query, and usable while the database is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from shared import logging
from shared.db import UNAVAILABLE, Connection, Pool, within
from shared.errors import ServiceUnavailable
from shared.notices import Listener, Notices

log = logging.get()

K = TypeVar("K")
V = TypeVar("V")

REFRESH = 4.0  # seconds; with LISTEN beside it a change is felt within 5 s even if the notice is lost
UNKNOWN = 5_000  # keys remembered as unknown until the next refresh, so that guessing costs one query each

FIRST = 1_000  # rows read at the start
Read = Callable[[Connection, list[K]], Awaitable[Mapping[K, V]]]
ReadFirst = Callable[[Connection, int], Awaitable[Mapping[K, V]]]


class Cached(Generic[K, V]):
    """The rows that were used lately, by key. `run` keeps them fresh.

    `read` fetches rows by their keys, `read_first` so many that are likely to be asked for: else one that was not used
    before the database went away would be unknown until it is back. `channel` is notified when one of them changes;
    `most` are kept, and those that were read first go first.
    """

    def __init__(
        self, pool: Pool, notices: Notices, channel: str, read: Read[K, V], read_first: ReadFirst[K, V], most: int
    ) -> None:
        self._pool = pool
        self._channel = channel
        self._read = read
        self._read_first = read_first
        self._most = most
        self._rows: dict[K, V] = {}
        self._unknown: set[K] = set()
        self._changed = asyncio.Event()
        notices.listen(channel, Listener(self._note_change, begun=self._catch_up, ended=lambda: None))

    def known(self, key: K) -> V | None:
        """The row of that key as far as it is in memory."""
        return self._rows.get(key)

    async def find(self, key: K) -> V | None:
        """The row of that key, or None if there is none now.

        Raises ServiceUnavailable for one not seen before while the database is away: it may well be there.
        """
        row = self._rows.get(key)
        if row is None and key not in self._unknown:
            row = await self._load(key)
        return row

    def forget(self, key: K) -> None:
        """Has that row read again when it is next asked for: it was changed here, and the notice has yet to come."""
        self._rows.pop(key, None)
        self._unknown.discard(key)

    async def _load(self, key: K) -> V | None:
        try:
            found = await within(2, self._query([key]))
        except UNAVAILABLE as error:
            raise ServiceUnavailable("This cannot be looked up just now. Send the request again.") from error
        if not found and len(self._unknown) < UNKNOWN:
            self._unknown.add(key)
        self._rows.update(found)
        while len(self._rows) > self._most:
            del self._rows[next(iter(self._rows))]
        return found.get(key)

    async def _query(self, keys: list[K]) -> Mapping[K, V]:
        async with self._pool.connection() as connection:
            return await self._read(connection, keys)

    async def refresh(self) -> None:
        """Reads every row again; those that are gone are forgotten. Keeps what it has if it cannot."""
        before = dict(self._rows)
        found = await self._query(list(before)) if before else {}
        for key, row in before.items():
            # One forgotten meanwhile may have been read before its change: it stays forgotten, or as it was read since.
            if self._rows.get(key) is not row:
                continue
            if key in found:
                self._rows[key] = found[key]
            else:
                del self._rows[key]
        self._unknown.clear()

    async def run(self) -> None:
        """Refreshes until cancelled: every few seconds, and at once when a row changed."""
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
        """Reads what is likely to be asked for; whether it could."""
        try:
            self._rows = {**await within(REFRESH, self._query_first()), **self._rows}
        except UNAVAILABLE as error:
            log.warning("cache.empty", of=self._channel, error=type(error).__name__)
            return False
        return True

    async def _query_first(self) -> Mapping[K, V]:
        async with self._pool.connection() as connection:
            return await self._read_first(connection, FIRST)
