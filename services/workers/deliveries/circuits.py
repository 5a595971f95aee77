"""How a receiver's successes and failures change what is sent to it. Pure.

A circuit opens after some failures in a row: then only retries, which come seldom by themselves, and a single first
try now and then are let through. After a success the number of messages under way grows step by step, so that nobody
who comes back is overrun by what has waited.
"""

import random
from dataclasses import dataclass, replace

OPENS_AFTER = 5  # failures in a row
SHORTEST, LONGEST = 30.0, 600.0  # seconds that it stays open, growing with every failure
FIRST_SLOTS, MOST_SLOTS = 4, 16  # messages under way to one receiver


@dataclass(frozen=True, slots=True)
class Circuit:
    """`open_for`: seconds from now in which no first try is made; None: it is closed."""

    failures: int = 0
    slots: int = FIRST_SLOTS
    open_for: float | None = None

    def succeeded(self) -> "Circuit":
        """After a message that was taken."""
        return Circuit(0, min(self.slots * 2, MOST_SLOTS), None)

    def failed(self, wish: float | None = None, draw: float | None = None) -> "Circuit":
        """After one that was not; `wish`: seconds that the receiver wants to be left alone. `draw`: as in backoff.

        One message's wish holds for that message; the others probe after `LONGEST` at the latest.
        """
        wish = None if wish is None else min(wish, LONGEST)
        failures, slots = self.failures + 1, max(self.slots // 2, 1)
        if failures < OPENS_AFTER:
            return replace(self, failures=failures, slots=slots, open_for=wish)
        draw = random.random() if draw is None else draw  # noqa: S311
        planned = min(SHORTEST * 2.0 ** min(failures - OPENS_AFTER, 10), LONGEST) * (0.9 + 0.2 * draw)
        return Circuit(failures, 1, max(planned, wish or 0.0))
