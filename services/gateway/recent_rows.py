"""The rows that a gateway stored last, to be stored again if a standby that lacks them becomes the primary.

An asynchronous standby lags behind. If it is promoted it lacks what its primary acknowledged last, and begins a new
timeline: the number in the names of PostgreSQL's WAL files
(https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES).
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from shared.intake.journal import NewJournalRow
from shared.platform.db.connections import Connection

StoreName = Literal["journal", "spool"]

MAX_KEPT_BYTES = 32 << 20  # bytes of documents, beyond which the oldest rows are given up
TIMELINE_DIGITS = 8  # hexadecimal digits at the beginning of a WAL file's name
TIMELINE_SQL = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"


async def read_timeline(connection: Connection) -> str:
    """Return the timeline of the primary that the connection leads to. Raises psycopg's errors, on a standby too."""
    row = await (await connection.execute(TIMELINE_SQL)).fetchone()
    return str(row[0])[:TIMELINE_DIGITS] if row else ""


class RecentRows:
    """Rows of the last `seconds` before the newest commit of PostgreSQL. While it takes none, none grows too old.

    Rows of the spool are kept beside them: they may have been moved to the primary that is lost. They are given up
    first where there are too many. An outage may be long, and what was committed right before it is what a standby
    lacks.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._committed: deque[tuple[float, NewJournalRow]] = deque()
        self._spooled: deque[tuple[float, NewJournalRow]] = deque()
        self._bytes = 0

    def keep_row(self, row: NewJournalRow, store: StoreName) -> None:
        """Keep a row that was stored just now, and forget those that are too old or too many."""
        if not self._seconds:
            return
        now = self._clock()
        (self._committed if store == "journal" else self._spooled).append((now, row))
        self._bytes += len(row.document)
        if store == "journal":
            for rows in (self._committed, self._spooled):
                while rows and rows[0][0] < now - self._seconds:
                    self._forget_oldest(rows)
        while self._bytes > MAX_KEPT_BYTES:
            self._forget_oldest(self._spooled or self._committed)

    def take_rows(self) -> list[NewJournalRow]:
        """Return all rows, those of commits first, each kind the oldest first, and keep none of them."""
        kept_rows = [row for _, row in (*self._committed, *self._spooled)]
        self._committed.clear()
        self._spooled.clear()
        self._bytes = 0
        return kept_rows

    def _forget_oldest(self, rows: deque[tuple[float, NewJournalRow]]) -> None:
        _, forgotten = rows.popleft()
        self._bytes -= len(forgotten.document)
