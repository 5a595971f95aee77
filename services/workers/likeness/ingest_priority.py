"""How much likeness may do: ingest goes first."""

import math
import time
from collections.abc import Callable

DECAY_SECONDS = 1.0  # after which a lead counts a third
TRICKLE_RATE = 0.5  # leads a second from which another one may come soon
CALLERS_RATE = 10.0  # leads a second from which somebody probably waits for a verdict
BURST_RATE = 100.0  # leads a second from which likeness is better postponed


class IngestRate:
    """The leads a second that a process has seen lately. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leads, self._at = 0.0, clock()

    def add(self, leads: int) -> None:
        """Note that leads were written just now."""
        self._leads = self._decayed() + leads
        self._at = self._clock()

    def per_second(self) -> float:
        """Return the rate of the last seconds."""
        return self._decayed() / DECAY_SECONDS

    @property
    def is_trickle(self) -> bool:
        """Whether a lead has come within the last second or two."""
        return self.per_second() >= TRICKLE_RATE

    @property
    def has_callers(self) -> bool:
        """Whether a long turn of likeness would probably make somebody wait."""
        return self.per_second() >= CALLERS_RATE

    @property
    def is_burst(self) -> bool:
        """Whether ingest needs all there is."""
        return self.per_second() >= BURST_RATE

    def _decayed(self) -> float:
        return self._leads * math.exp((self._at - self._clock()) / DECAY_SECONDS)
