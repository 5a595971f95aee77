"""The size of a batch, adapted to the time that the last batches took."""

FULL_BATCH_SIZE = 500  # leads; events or runs for automations
SLOW_BATCH_SECONDS, QUICK_BATCH_SECONDS = 2.0, 0.5  # seconds of a batch; a statement is cancelled after 15


class AdaptiveBatchSize:
    """A process's current limit for the size of a batch.

    Batches of ordinary leads are full. If a batch takes long, because its leads are large or the database is slow, the
    next one is half as large, down to one lead. Otherwise a slow batch would be cancelled by its timeout again and
    again, and the leads behind it would wait.
    """

    def __init__(self, full: int = FULL_BATCH_SIZE) -> None:
        self._full_size = self.limit = full

    @property
    def is_at_full_size(self) -> bool:
        return self.limit == self._full_size

    def record_duration(self, leads: int, seconds: float) -> None:
        """Adapt the limit to a batch of `leads` that took `seconds`."""
        if seconds > SLOW_BATCH_SECONDS:
            self.shrink(leads)
        elif seconds < QUICK_BATCH_SECONDS:
            self.limit = min(self._full_size, self.limit * 2)

    def shrink(self, leads: int) -> None:
        """Halve the limit after a batch of `leads` that took too long or was cancelled."""
        self.limit = max(1, min(self.limit, leads) // 2)
