"""Room for bodies on their way to this process: bounded, and shared so that no workspace takes it from the others.

A workspace may hold as much as is left free. One alone fills half of the room, and two that come at the same time fill
a third each: some is always left for the next.
"""

from collections import Counter
from collections.abc import Hashable


class Room:
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._held: Counter[Hashable] = Counter()

    @property
    def held(self) -> int:
        """Bytes that are taken."""
        return self._held.total()

    def take(self, who: Hashable, size: int) -> bool:
        """Takes so much for them; False, and nothing is taken, where that is more than their share."""
        if self._held[who] + size > self._free - size:
            return False
        self._held[who] += size
        self._free -= size
        return True

    def give_back(self, who: Hashable, size: int) -> None:
        """Gives back so much of what they hold."""
        self._free += size
        self._held[who] -= size
        if not self._held[who]:
            del self._held[who]
