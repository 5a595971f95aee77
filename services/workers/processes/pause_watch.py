"""A process's knowledge of paused lanes, which it consults before it takes a row.

The heartbeat's thread refreshes it several times a second, so that a batch costs no query. It is no listener: a commit
that notifies wakes every listening connection, and each verdict is such a commit. If the thread is late, the taker
reads the pauses itself, so that nobody takes a row by knowledge older than a second.
"""

import time

import psycopg
from psycopg.rows import TupleRow

from shared.operations.lane_pauses import ACTIVE_PAUSES_SQL, ActivePauses, pauses_from_row, read_active_pauses
from shared.platform.db.connections import Connection

PAUSE_REFRESH_SECONDS = 0.4  # seconds between two reads
IDLE_REFRESH_SECONDS = 1.0  # the same while the process takes nothing, and only acknowledges
IDLE_AFTER_SECONDS = 10.0
MAX_PAUSE_AGE_SECONDS = 0.8  # seconds after which the taker reads the pauses itself


class PauseWatch:
    """The pauses as this process last read them. Its threads share one."""

    def __init__(self) -> None:
        self._pauses = ActivePauses()
        self._read_at = self._wanted_at = float("-inf")

    @property
    def refresh_seconds(self) -> float:
        """The seconds until the next refresh."""
        is_idle = time.monotonic() - self._wanted_at > IDLE_AFTER_SECONDS
        return IDLE_REFRESH_SECONDS if is_idle else PAUSE_REFRESH_SECONDS

    @property
    def version(self) -> int:
        """The version up to which this process obeys all pauses."""
        return self._pauses.version

    async def get_current(self, connection: Connection) -> ActivePauses:
        """Return the pauses, read again if they are too old. Call it outside of transactions."""
        began = self._wanted_at = time.monotonic()
        if began - self._read_at > MAX_PAUSE_AGE_SECONDS:
            self._store(await read_active_pauses(connection), began)
        return self._pauses

    def refresh(self, connection: psycopg.Connection[TupleRow]) -> bool:
        """Read the pauses again, from a thread. Return whether the version changed."""
        began, before = time.monotonic(), self._pauses.version
        self._store(pauses_from_row(connection.execute(ACTIVE_PAUSES_SQL).fetchone()), began)
        return self._pauses.version != before

    def _store(self, pauses: ActivePauses, read_at: float) -> None:
        if read_at >= self._read_at:  # otherwise another thread has read them since
            self._pauses, self._read_at = pauses, read_at
