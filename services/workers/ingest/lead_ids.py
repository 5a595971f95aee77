"""Lead ids, drawn before the insert: identities are claimed under them one statement earlier."""

from collections import deque
from collections.abc import Iterable

from shared.db import Statements

BLOCK = 64  # drawn at least, so that a batch of one rarely waits for its id


class LeadIds:
    """Ids drawn from the sequence and not used yet. A worker's own: what a duplicate leaves over serves the next."""

    def __init__(self) -> None:
        self._spare: deque[int] = deque()

    async def draw(self, connection: Statements, n: int) -> list[int]:
        """`n` ids that no lead has had."""
        missing = n - len(self._spare)
        if missing > 0:
            missing = max(missing, BLOCK)
            rows = await connection.execute("SELECT nextval('lead_ids') FROM generate_series(1, %s)", (missing,))
            self._spare.extend(row[0] for row in await rows.fetchall())
        return [self._spare.popleft() for _ in range(n)]

    def give_back(self, unused: Iterable[int]) -> None:
        """Ids drawn for submissions that turned out to be duplicates. Lowest first, so that leads count up."""
        self._spare.extendleft(reversed(list(unused)))
