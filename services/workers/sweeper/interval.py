"""What is done at most once in a while."""

import asyncio


class Interval:
    """Says that `seconds` have passed, at the first question and then as often as they have. For one event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began_at = float("-inf")

    def has_passed(self) -> bool:
        """Return whether the seconds have passed. If they have, they begin again."""
        now = asyncio.get_running_loop().time()
        if now - self._began_at < self._seconds:
            return False
        self._began_at = now
        return True
