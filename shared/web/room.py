"""Memory for bodies that are still arriving: bounded, and shared so that no workspace takes it all.

A workspace may hold as much as it leaves free. A single one fills half of the memory, two at the same time fill a third
each: some is always left for the next workspace.
"""

from collections import Counter
from collections.abc import Hashable


class Room:
    """A number of bytes that workspaces share."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._held: Counter[Hashable] = Counter()

    @property
    def held(self) -> int:
        """The number of reserved bytes."""
        return self._held.total()

    def take(self, who: Hashable, size: int) -> bool:
        """Reserve bytes for an owner. Return False, and reserve nothing, if that exceeds the owner's share."""
        if self._held[who] + size > self._free - size:
            return False
        self._held[who] += size
        self._free -= size
        return True

    def give_back(self, who: Hashable, size: int) -> None:
        """Release bytes that the owner holds."""
        self._free += size
        self._held[who] -= size
        if not self._held[who]:
            del self._held[who]
