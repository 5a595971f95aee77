"""Lead ids, drawn before the insert, because identities are claimed under them one statement earlier."""

from collections import deque
from collections.abc import Iterable

from shared.platform.db.connections import StatementExecutor

MIN_IDS_DRAWN = 64  # smallest number of ids drawn at once, so that a batch of one rarely waits for its id


class LeadIdPool:
    """A worker's supply of ids from the sequence. An id that a duplicate did not need goes to the next lead."""

    def __init__(self) -> None:
        self._spare_ids: deque[int] = deque()

    async def draw_ids(self, connection: StatementExecutor, n: int) -> list[int]:
        """Return `n` unused ids."""
        missing = n - len(self._spare_ids)
        if missing > 0:
            missing = max(missing, MIN_IDS_DRAWN)
            rows = await connection.execute("SELECT nextval('lead_ids') FROM generate_series(1, %s)", (missing,))
            self._spare_ids.extend(row[0] for row in await rows.fetchall())
        return [self._spare_ids.popleft() for _ in range(n)]

    def give_back(self, unused: Iterable[int]) -> None:
        """Put back ids drawn for submissions that turned out to be duplicates. The lowest is used first."""
        self._spare_ids.extendleft(reversed(list(unused)))
