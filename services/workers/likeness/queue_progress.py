"""Whether anybody takes leads off the queue."""

import time
from collections.abc import Callable

from services.workers.likeness.queue_rows import QueueHeads


class QueueProgress:
    """Since when the first rows have stayed the same. `clock` returns seconds.

    How long a row has waited would not do: behind a large import rows wait for minutes while workers compare.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: frozenset[tuple[int, int, int]] = frozenset()
        self._moved_at = clock()

    def note(self, heads: QueueHeads) -> float:
        """Note the first rows as they are now. Return for how many seconds nobody has taken any."""
        now = self._clock()
        if not self._rows or not self._rows <= heads.rows:
            self._moved_at = now
        self._rows = heads.rows
        return now - self._moved_at

    def ignore_change(self, heads: QueueHeads) -> None:
        """Note the first rows after the caller itself took some."""
        self._rows = heads.rows
