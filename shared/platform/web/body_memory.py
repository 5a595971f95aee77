"""Memory for bodies that are still arriving: bounded, and shared so that no workspace takes it all.

A workspace may hold as much as it leaves free. A single one fills half of the memory, two at the same time fill a third
each: some is always left for the next workspace.
"""

from collections import Counter
from collections.abc import Hashable


class BodyMemory:
    """A number of bytes that workspaces share."""

    def __init__(self, size: int) -> None:
        self._free_bytes = size
        self._held_by_owner: Counter[Hashable] = Counter()

    @property
    def held_bytes(self) -> int:
        """The number of reserved bytes."""
        return self._held_by_owner.total()

    def try_reserve(self, owner: Hashable, size: int) -> bool:
        """Reserve bytes for an owner. Return False, and reserve nothing, if that exceeds the owner's share."""
        if self._held_by_owner[owner] + size > self._free_bytes - size:
            return False
        self._held_by_owner[owner] += size
        self._free_bytes -= size
        return True

    def release_bytes(self, owner: Hashable, size: int) -> None:
        """Release bytes that the owner holds."""
        self._free_bytes += size
        self._held_by_owner[owner] -= size
        if not self._held_by_owner[owner]:
            del self._held_by_owner[owner]
