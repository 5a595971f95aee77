"""The rows that a gateway stored last, to be stored again if a standby that lacks them becomes the primary.

An asynchronous standby lags behind. If it is promoted it lacks what its primary acknowledged last, and begins a new
timeline: the number in the names of PostgreSQL's WAL files
(https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES).
"""

import time
from collections import deque
from collections.abc import Callable

from shared.intake.journal import NewJournalRow
from shared.platform.db.connections import Connection

MAX_KEPT_BYTES = 32 << 20  # bytes of documents, beyond which the oldest rows are given up
TIMELINE_DIGITS = 8  # hexadecimal digits at the beginning of a WAL file's name
TIMELINE_SQL = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"


async def read_timeline(connection: Connection) -> str:
    """Return the timeline of the primary that the connection leads to. Raises psycopg's errors, on a standby too."""
    row = await (await connection.execute(TIMELINE_SQL)).fetchone()
    return str(row[0])[:TIMELINE_DIGITS] if row else ""


class RecentRows:
    """Rows of the last `seconds` before the newest one. While nothing can be stored, none grows too old."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._rows: deque[tuple[float, NewJournalRow]] = deque()
        self._bytes = 0

    def keep_row(self, row: NewJournalRow) -> None:
        """Keep a row that was stored just now, and forget those that are too old or too many."""
        if not self._seconds:
            return
        now = self._clock()
        self._rows.append((now, row))
        self._bytes += len(row.document)
        while self._rows[0][0] < now - self._seconds or self._bytes > MAX_KEPT_BYTES:
            _, forgotten = self._rows.popleft()
            self._bytes -= len(forgotten.document)
            if not self._rows:
                return

    def take_rows(self) -> list[NewJournalRow]:
        """Return all rows, the oldest first, and keep none of them."""
        kept_rows = [row for _, row in self._rows]
        self._rows.clear()
        self._bytes = 0
        return kept_rows
