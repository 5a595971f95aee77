"""Ctrl-C and SIGTERM that wait until what is in hand is done."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class HeldInterrupts:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt: at once, or at the end of a block that holds them.

    A second signal interrupts such a block, too. Use it from the main thread, inside `handling_signals`.
    """

    def __init__(self) -> None:
        self._is_holding = False
        self._has_come = False

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Handle the signals for the length of a block."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold a first signal back until the end of the block. KeyboardInterrupt then, if one came."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False
        self._raise_if_any()

    def sleep(self, seconds: float) -> None:
        """Wait inside a block that holds signals: one that came before or comes meanwhile interrupts."""
        self._is_holding = False
        self._raise_if_any()
        time.sleep(seconds)
        self._is_holding = True

    def _raise_if_any(self) -> None:
        if self._has_come:
            raise KeyboardInterrupt

    def _on_signal(self, *_: object) -> None:
        if not self._is_holding or self._has_come:
            raise KeyboardInterrupt
        self._has_come = True
