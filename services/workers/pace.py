"""The size of a batch, adapted to the time that the last batches took."""

FULL = 500  # leads; events or runs for automations
SLOW, QUICK = 2.0, 0.5  # seconds of a batch; a statement is cancelled after 15


class Pace:
    """A process's current limit for the size of a batch.

    Batches of ordinary leads are full. If a batch takes long, because its leads are large or the database is slow, the
    next one is half as large, down to one lead. Otherwise a slow batch would be cancelled by its timeout again and
    again, and the leads behind it would wait.
    """

    def __init__(self, full: int = FULL) -> None:
        self._full = self.most = full

    @property
    def is_full(self) -> bool:
        return self.most == self._full

    def took(self, leads: int, seconds: float) -> None:
        """Adapt the limit to a batch of `leads` that took `seconds`."""
        if seconds > SLOW:
            self.was_too_much(leads)
        elif seconds < QUICK:
            self.most = min(self._full, self.most * 2)

    def was_too_much(self, leads: int) -> None:
        """Halve the limit after a batch of `leads` that took too long or was cancelled."""
        self.most = max(1, min(self.most, leads) // 2)
