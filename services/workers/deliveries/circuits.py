"""Adapt the load on a receiver to its successes and failures. Pure.

A circuit opens after several failures in a row. While it is open, only retries, which are rare, and an occasional first
attempt are sent. After a success the number of deliveries in flight grows step by step, so that a receiver that comes
back is not overrun by the deliveries that have waited.
"""

import random
from dataclasses import dataclass, replace

FAILURES_UNTIL_OPEN = 5  # failures in a row
MIN_OPEN_SECONDS, MAX_OPEN_SECONDS = 30.0, 600.0  # seconds that it stays open; the time doubles with every failure
INITIAL_SLOTS, MAX_SLOTS = 4, 16  # deliveries in flight to one receiver


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of a receiver. `open_for`: seconds from now without first attempts, or None if it is closed."""

    failures: int = 0
    slots: int = INITIAL_SLOTS
    open_for: float | None = None

    def after_success(self) -> "Circuit":
        """Return the state after a successful attempt."""
        return Circuit(0, min(self.slots * 2, MAX_SLOTS), None)

    def after_failure(self, retry_after: float | None = None, draw: float | None = None) -> "Circuit":
        """Return the state after a failed attempt. `retry_after` and `draw` are those of `retry_delay`.

        The full `retry_after` applies to the failed delivery itself. Others probe the receiver after
        `MAX_OPEN_SECONDS` at the latest.
        """
        retry_after = None if retry_after is None else min(retry_after, MAX_OPEN_SECONDS)
        failures, slots = self.failures + 1, max(self.slots // 2, 1)
        if failures < FAILURES_UNTIL_OPEN:
            return replace(self, failures=failures, slots=slots, open_for=retry_after)
        draw = random.random() if draw is None else draw  # noqa: S311
        planned = min(MIN_OPEN_SECONDS * 2.0 ** min(failures - FAILURES_UNTIL_OPEN, 10), MAX_OPEN_SECONDS) * (
            0.9 + 0.2 * draw
        )
        return Circuit(failures, 1, max(planned, retry_after or 0.0))
