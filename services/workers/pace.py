"""How much a batch may hold, by how long the last ones took."""

FULL = 500  # leads; of automations events, or runs
SLOW, QUICK = 2.0, 0.5  # seconds of a batch; a statement is cancelled after 15


class Pace:
    """A process's measure. Batches of ordinary leads are full ones. Where leads are so large, or the database so slow,
    that one takes long, the next is half as large, down to one lead: it must not be cancelled time and again, and those
    behind it wait for it."""

    def __init__(self, full: int = FULL) -> None:
        self._full = self.most = full

    @property
    def is_full(self) -> bool:
        return self.most == self._full

    def took(self, leads: int, seconds: float) -> None:
        """A batch of so many leads took so long."""
        if seconds > SLOW:
            self.was_too_much(leads)
        elif seconds < QUICK:
            self.most = min(self._full, self.most * 2)

    def was_too_much(self, leads: int) -> None:
        """A batch of so many leads took too long, or was cancelled for it."""
        self.most = max(1, min(self.most, leads) // 2)
