"""Store a flush in the journal, or in the spool while PostgreSQL is away or slow; otherwise refuse it (503)."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import orjson
import redis.asyncio as redis

from services.gateway.journal_writer import JournalWriter
from services.gateway.recent_rows import RecentRows, StoreName
from shared.intake import journal
from shared.intake.journal import JournalItem, Lane, NewJournalRow, chunk_by_size
from shared.intake.spool import Spool
from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.db.standby_watch import CONFIRM_SQL
from shared.platform.errors import ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import (
    ACCEPTED_SUBMISSIONS,
    FLUSH_SECONDS,
    FLUSH_SIZE,
    REFUSED_SUBMISSIONS,
    STORED_AGAIN_SUBMISSIONS,
)

log = logging.get_logger()

PROBE_INTERVAL_SECONDS = 0.5  # seconds between two checks of a PostgreSQL that failed
SPOOL_TIMEOUT_SECONDS = 1.5  # seconds that the spool gets to store an entry
# Fails while the server is read-only, as in a failover, and waits for a synchronous standby as a row would.
PROBE_SQL = f"WITH probed AS (DELETE FROM journal WHERE false) {CONFIRM_SQL}"


class DurableStore:
    """Journal and spool, with a breaker between them. There is one for each gateway process."""

    def __init__(
        self,
        pool: ConnectionPool,
        journal_writer: JournalWriter,
        spool: Spool,
        flush_timeout: float,
        recent_rows: RecentRows,
    ) -> None:
        self._pool = pool
        self._recent_rows = recent_rows
        self._is_promotion_noted = False
        journal_writer.on_promotion = self._note_promotion
        self._journal = journal_writer
        self._spool = spool
        self._timeout = flush_timeout
        self._has_journal_failed = False
        self._late_appends: set[asyncio.Future[None]] = set()

    @property
    def is_journal_available(self) -> bool:
        """True if the last write to PostgreSQL succeeded in time."""
        return not self._has_journal_failed

    async def store_row(self, row: NewJournalRow, *, durable: bool = True) -> StoreName:
        """Store a row and return the name of the store. Raises ServiceUnavailable if neither store takes it.

        A row in the spool is durable. A row in the journal is durable if that was asked for; otherwise a worker's
        commit or `ensure_durable` must make it so before a caller is told about it. A journal write that failed or is
        late may still have been committed. Then the spool holds the same ids again, and ingest drops the second ones.
        """
        store = await self._store_measured(row, durable)
        self._recent_rows.keep_row(row, store)
        ACCEPTED_SUBMISSIONS.labels(store).inc(row.n)
        return store

    async def ensure_durable(self, items: Sequence[JournalItem], gateway: str) -> None:
        """Make submissions durable that are stored and may not be durable yet.

        It asks PostgreSQL to, and stores those again that a crash of PostgreSQL removed or may have removed. Raises
        ServiceUnavailable if neither store takes them.
        """
        lost = await self._lost_items(items)
        for chunk in chunk_by_size(lost, lambda item: len(item.body)):
            # Already counted when it was first stored.
            row = NewJournalRow.from_items(Lane.WAITED_FOR, chunk, gateway)
            await self._store_measured(row, durable=True, is_repeat=True)

    async def _lost_items(self, items: Sequence[JournalItem]) -> Sequence[JournalItem]:
        try:
            return items if self._has_journal_failed else await with_deadline(self._timeout, self._missing_items(items))
        except Exception as error:
            if isinstance(error, UNAVAILABLE_ERRORS):
                self.trip_breaker()
            else:
                log.exception("journal.unasked", submissions=len(items))
            return items

    async def _missing_items(self, items: Sequence[JournalItem]) -> list[JournalItem]:
        async with self._pool.connection() as connection:
            return await journal.find_missing(connection, items)

    async def _store_measured(self, row: NewJournalRow, durable: bool, *, is_repeat: bool = False) -> StoreName:
        started = time.perf_counter()
        store = await self._store_with_fallback(row, durable, is_repeat)
        FLUSH_SECONDS.labels(store).observe(time.perf_counter() - started)
        FLUSH_SIZE.observe(row.n)
        return store

    async def _store_with_fallback(self, row: NewJournalRow, durable: bool, is_repeat: bool) -> StoreName:
        if not self._has_journal_failed:
            if await self._append_to_journal(row, durable):
                return "journal"
            is_repeat = True  # it may have been committed all the same
        if await self._append_to_spool(row, is_repeat):
            return "spool"
        # Before a refusal PostgreSQL is tried once more, whatever the state of the breaker.
        if await self._append_to_journal(row, durable):
            return "journal"
        REFUSED_SUBMISSIONS.inc(row.n)
        raise ServiceUnavailable

    async def _append_to_journal(self, row: NewJournalRow, durable: bool) -> bool:
        stored = self._journal.append_row(row, durable=durable)
        # A late write is not cancelled: cancelling waits for the server, and there is no time for that.
        done, _ = await asyncio.wait({stored}, timeout=self._timeout)
        if done and stored.exception() is None:
            self._has_journal_failed = False
            return True
        if not done:
            self._late_appends.add(stored)
            stored.add_done_callback(self._discard_late)
        elif not isinstance(stored.exception(), UNAVAILABLE_ERRORS):
            # Only the type of the error is logged: its message may quote the row.
            log.error("journal.refused", error=type(stored.exception()).__name__, submissions=row.n)
        self.trip_breaker()
        return False

    def _discard_late(self, stored: asyncio.Future[None]) -> None:
        self._late_appends.discard(stored)
        if not stored.cancelled():
            stored.exception()  # retrieve the error: the result no longer matters

    def trip_breaker(self) -> None:
        """Use the spool until a commit goes through in time."""
        if not self._has_journal_failed:
            log.warning("journal.unavailable")
        self._has_journal_failed = True

    async def _append_to_spool(self, row: NewJournalRow, is_repeat: bool) -> bool:
        try:
            async with asyncio.timeout(SPOOL_TIMEOUT_SECONDS):
                await self._spool.append_row(row, is_repeat=is_repeat)
        except (redis.RedisError, TimeoutError, OSError) as error:
            log.warning("spool.unavailable", error=type(error).__name__)
            return False
        return True

    async def can_store(self) -> bool:
        """Return whether a lead could be stored now."""
        if not self._has_journal_failed:
            return True
        try:
            async with asyncio.timeout(SPOOL_TIMEOUT_SECONDS):
                await self._spool.check_writable()
        except (redis.RedisError, TimeoutError, OSError):
            return False
        return True

    async def watch_journal(self) -> None:
        """Check a PostgreSQL that failed until it answers in time again. Runs until cancelled."""
        while True:
            await asyncio.sleep(PROBE_INTERVAL_SECONDS)
            if self._has_journal_failed and not self._late_appends and await self._does_journal_answer():
                log.info("journal.available")
                self._has_journal_failed = False

    def _note_promotion(self) -> None:
        self._is_promotion_noted = True

    async def watch_promotions(self) -> None:
        """Store again what a server that became the primary lacks. Runs until cancelled."""
        while True:
            await asyncio.sleep(PROBE_INTERVAL_SECONDS)
            with contextlib.suppress(*UNAVAILABLE_ERRORS):
                await self._journal.replace_broken()
            if self._is_promotion_noted:
                self._is_promotion_noted = False
                await self._store_again(self._recent_rows.take_rows())

    async def _store_again(self, rows: Sequence[NewJournalRow]) -> None:
        """Store the submissions of these rows that are in no table. They were counted when they came."""
        log.warning("journal.promoted", rows=len(rows))
        lost_count = 0
        for row in rows:
            lost = await self._lost_items(row.read_items())
            lost_count += len(lost)
            if lost:
                await self._store_lost(row, lost)
        STORED_AGAIN_SUBMISSIONS.inc(lost_count)
        log.warning("journal.stored_again", submissions=lost_count)

    async def _store_lost(self, row: NewJournalRow, lost: Sequence[JournalItem]) -> None:
        gateway = orjson.loads(row.document)["gateway"]
        again = NewJournalRow.from_items(Lane(row.lane), lost, gateway)
        while True:
            try:
                store = await self._store_measured(again, durable=True, is_repeat=True)
            except ServiceUnavailable:
                await asyncio.sleep(PROBE_INTERVAL_SECONDS)
            else:
                self._recent_rows.keep_row(again, store)
                return

    async def _does_journal_answer(self) -> bool:
        try:
            await with_deadline(self._timeout, self._probe_journal())
        except UNAVAILABLE_ERRORS:
            return False
        return True

    async def _probe_journal(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(PROBE_SQL)
