"""Store a flush in the journal, or in the spool while PostgreSQL is away or slow; otherwise refuse it (503)."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

import redis.asyncio as redis

from services.gateway.appending import Appenders
from shared import journal, logging
from shared.db import UNAVAILABLE, Pool, within
from shared.errors import ServiceUnavailable
from shared.journal import Item, Lane, Row, cut
from shared.metrics import ACCEPTED, FLUSH_SECONDS, FLUSH_SIZE, REFUSED
from shared.spool import Spool

log = logging.get()

PROBE = 0.5  # seconds between two checks of a PostgreSQL that failed
SPOOL_IN = 1.5  # seconds that the spool gets to store an entry

Store = Literal["journal", "spool"]


class Stores:
    """Journal and spool, with a breaker between them. There is one for each gateway process."""

    def __init__(self, pool: Pool, journal_writer: Appenders, spool: Spool, flush_timeout: float) -> None:
        self._pool = pool
        self._appenders = journal_writer
        self._spool = spool
        self._timeout = flush_timeout
        self._broken = False
        self._late: set[asyncio.Future[None]] = set()

    @property
    def journal_works(self) -> bool:
        """True if the last write to PostgreSQL succeeded in time."""
        return not self._broken

    async def store(self, row: Row, *, durable: bool = True) -> Store:
        """Store a row and return the name of the store. Raises ServiceUnavailable if neither store takes it.

        A row in the spool is durable. A row in the journal is durable if that was asked for; otherwise a worker's
        commit or `ensure_durable` must make it so before a caller is told about it. A journal write that failed or is
        late may still have been committed. Then the spool holds the same ids again, and ingest drops the second ones.
        """
        store = await self._store(row, durable)
        ACCEPTED.labels(store).inc(row.n)
        return store

    async def secure(self, items: Sequence[Item], gateway: str) -> None:
        """Make submissions durable that are stored and may not be durable yet.

        It asks PostgreSQL to, and stores those again that a crash of PostgreSQL removed or may have removed. Raises
        ServiceUnavailable if neither store takes them.
        """
        lost = await self._lost(items)
        for chunk in cut(lost, lambda item: len(item.body)):
            await self._store(
                Row.of(Lane.WAITED_FOR, chunk, gateway), durable=True
            )  # already counted when it was first stored

    async def _lost(self, items: Sequence[Item]) -> Sequence[Item]:
        try:
            return items if self._broken else await within(self._timeout, self._missing(items))
        except Exception as error:
            if isinstance(error, UNAVAILABLE):
                self._trip()
            else:
                log.exception("journal.unasked", submissions=len(items))
            return items

    async def _missing(self, items: Sequence[Item]) -> list[Item]:
        async with self._pool.connection() as connection:
            return await journal.missing(connection, items)

    async def _store(self, row: Row, durable: bool) -> Store:
        started = time.perf_counter()
        store = await self._put(row, durable)
        FLUSH_SECONDS.labels(store).observe(time.perf_counter() - started)
        FLUSH_SIZE.observe(row.n)
        return store

    async def _put(self, row: Row, durable: bool) -> Store:
        if not self._broken and await self._to_journal(row, durable):
            return "journal"
        if await self._to_spool(row):
            return "spool"
        # Before a refusal PostgreSQL is tried once more, whatever the state of the breaker.
        if await self._to_journal(row, durable):
            return "journal"
        REFUSED.inc(row.n)
        raise ServiceUnavailable

    async def _to_journal(self, row: Row, durable: bool) -> bool:
        stored = self._appenders.append(row, durable=durable)
        # A late write is not cancelled: cancelling waits for the server, and there is no time for that.
        done, _ = await asyncio.wait({stored}, timeout=self._timeout)
        if done and stored.exception() is None:
            self._broken = False
            return True
        if not done:
            self._late.add(stored)
            stored.add_done_callback(self._forget)
        elif not isinstance(stored.exception(), UNAVAILABLE):
            # Only the type of the error is logged: its message may quote the row.
            log.error("journal.refused", error=type(stored.exception()).__name__, submissions=row.n)
        self._trip()
        return False

    def _forget(self, stored: asyncio.Future[None]) -> None:
        self._late.discard(stored)
        if not stored.cancelled():
            stored.exception()  # retrieve the error: the result no longer matters

    def _trip(self) -> None:
        if not self._broken:
            log.warning("journal.unavailable")
        self._broken = True

    async def _to_spool(self, row: Row) -> bool:
        try:
            async with asyncio.timeout(SPOOL_IN):
                await self._spool.append(row)
        except (redis.RedisError, TimeoutError, OSError) as error:
            log.warning("spool.unavailable", error=type(error).__name__)
            return False
        return True

    async def durable(self) -> bool:
        """Return whether a lead could be stored now."""
        if not self._broken:
            return True
        try:
            async with asyncio.timeout(SPOOL_IN):
                await self._spool.check()
        except (redis.RedisError, TimeoutError, OSError):
            return False
        return True

    async def watch(self) -> None:
        """Check a PostgreSQL that failed until it answers in time again. Runs until cancelled."""
        while True:
            await asyncio.sleep(PROBE)
            if self._broken and not self._late and await self._answers():
                log.info("journal.available")
                self._broken = False

    async def _answers(self) -> bool:
        try:
            await within(self._timeout, self._look())
        except UNAVAILABLE:
            return False
        return True

    async def _look(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("DELETE FROM journal WHERE false")  # fails too while the server is read-only
