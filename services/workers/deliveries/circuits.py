"""Adapt the load on a receiver to its successes and failures. Pure.

A circuit opens after several failures in a row. While it is open, only retries, which are rare, and an occasional first
attempt are sent. After a success the number of deliveries in flight grows step by step, so that a receiver that comes
back is not overrun by the deliveries that have waited.
"""

import random
from dataclasses import dataclass, replace

OPENS_AFTER = 5  # failures in a row
SHORTEST, LONGEST = 30.0, 600.0  # seconds that it stays open; the time doubles with every failure
FIRST_SLOTS, MOST_SLOTS = 4, 16  # deliveries in flight to one receiver


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of a receiver. `open_for`: seconds from now without first attempts, or None if it is closed."""

    failures: int = 0
    slots: int = FIRST_SLOTS
    open_for: float | None = None

    def succeeded(self) -> "Circuit":
        """Return the state after a successful attempt."""
        return Circuit(0, min(self.slots * 2, MOST_SLOTS), None)

    def failed(self, wish: float | None = None, draw: float | None = None) -> "Circuit":
        """Return the state after a failed attempt. `wish` and `draw` are as in `backoff`.

        The full `wish` applies to the failed delivery itself. Others probe the receiver after `LONGEST` at the latest.
        """
        wish = None if wish is None else min(wish, LONGEST)
        failures, slots = self.failures + 1, max(self.slots // 2, 1)
        if failures < OPENS_AFTER:
            return replace(self, failures=failures, slots=slots, open_for=wish)
        draw = random.random() if draw is None else draw  # noqa: S311
        planned = min(SHORTEST * 2.0 ** min(failures - OPENS_AFTER, 10), LONGEST) * (0.9 + 0.2 * draw)
        return Circuit(failures, 1, max(planned, wish or 0.0))
