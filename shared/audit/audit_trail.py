"""The entries of this process on their way into the audit log.

They are written after their request was answered, in short transactions of their own, and at the end of the process.
While PostgreSQL is away they wait in memory, up to a bound.
"""

import asyncio
import time
from collections import deque

from shared.audit.audit_entry import AuditEntry, write_rows
from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS, is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

MAX_WAITING_ENTRIES = 5_000
MAX_BATCH_ENTRIES = 200
# Anybody can be refused without a key. More of these would crowd out the entries of people who are known.
MAX_UNKNOWN_PER_MINUTE = 120
WRITE_RETRY_SECONDS = 0.5
WRITE_TIMEOUT_SECONDS = 5.0


class AuditTrail:
    """Entries that wait to be written. There is one per process; `run` writes them until it is cancelled."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: deque[bytes] = deque()
        self._has_entries = asyncio.Event()
        self._writing = asyncio.Lock()
        self._dropped = 0
        self._minute, self._unknown_in_minute = 0, 0

    def add(self, entry: AuditEntry) -> None:
        """Take an entry. Past the bound it is dropped and counted in the log."""
        if len(self._waiting) >= MAX_WAITING_ENTRIES or (entry.actor is None and not self._allow_unknown()):
            self._dropped += 1
        else:
            self._waiting.append(entry.encode_row())
        self._has_entries.set()

    async def run(self) -> None:
        """Write entries as they come, until cancelled."""
        while True:
            await self._has_entries.wait()
            self._has_entries.clear()
            try:
                await self._write_waiting()
            except UNAVAILABLE_ERRORS as error:
                log.warning("audit.delayed", waiting=len(self._waiting), error=type(error).__name__)
                self._has_entries.set()
                await asyncio.sleep(WRITE_RETRY_SECONDS)

    async def stop(self) -> None:
        """Write what waits. To be called once no more entries come; the log tells of those that are lost."""
        try:
            await self._write_waiting()
        except Exception as error:
            log.error("audit.lost", entries=len(self._waiting), error=type(error).__name__)

    async def _write_waiting(self) -> None:
        async with self._writing:
            if self._dropped:
                log.error("audit.dropped", entries=self._dropped)
                self._dropped = 0
            while self._waiting:
                batch = [self._waiting[at] for at in range(min(MAX_BATCH_ENTRIES, len(self._waiting)))]
                try:
                    await with_deadline(WRITE_TIMEOUT_SECONDS, self._write_batch(batch))
                except Exception as error:
                    if is_unavailable(error) or isinstance(error, TimeoutError):
                        raise
                    log.exception("audit.lost", entries=len(batch))  # they would never be written
                for _ in batch:
                    self._waiting.popleft()

    async def _write_batch(self, batch: list[bytes]) -> None:
        async with self._pool.connection() as connection:
            await write_rows(connection, batch)

    def _allow_unknown(self) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._unknown_in_minute = minute, 0
        self._unknown_in_minute += 1
        return self._unknown_in_minute <= MAX_UNKNOWN_PER_MINUTE
