"""Whether a caller comes during a batch of likeness, which then ends at once, so that the lead is ingested."""

import time

from shared.platform.db.connections import Connection

LOOK_SECONDS = 0.005  # seconds of a batch between two looks; each costs some 0.1 ms

# Rows that are there at a turn's beginning do not count: others hold them, or they wait for another try.
NEWEST_ROW_SQL = "SELECT coalesce(max(id), 0) FROM journal WHERE lane = 0"
HAS_NEWER_ROW_SQL = "SELECT EXISTS (SELECT FROM journal WHERE lane = 0 AND id > %s)"


class CallerCame(Exception):
    """Somebody waits for a verdict, and the batch has to be given up."""


class CallerWatch:
    """Looks for callers that came since a turn of likeness began."""

    def __init__(self) -> None:
        self._newest_id = 0
        self._due_at = 0.0  # when the next look is due, by the monotonic clock

    async def begin_turn(self, connection: Connection) -> None:
        """Note which rows wait already."""
        row = await (await connection.execute(NEWEST_ROW_SQL)).fetchone()
        self._newest_id = row[0] if row else 0
        self._due_at = time.monotonic() + LOOK_SECONDS

    async def look(self, connection: Connection) -> None:
        """Look for a caller if the last look is long enough ago. Raises CallerCame."""
        if time.monotonic() < self._due_at:
            return
        row = await (await connection.execute(HAS_NEWER_ROW_SQL, (self._newest_id,))).fetchone()
        self._due_at = time.monotonic() + LOOK_SECONDS
        if row and row[0]:
            raise CallerCame
