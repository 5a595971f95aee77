"""How many records agents may change in an hour, for each workspace.

Pure but for the clock.
"""

import time
from collections import deque
from collections.abc import Callable

BUDGET_SECONDS = 3600
MAX_WORKSPACES = 10_000

SPENT_MESSAGE = (
    "This would change {count} record(s). The budget of this server is {budget} in an hour for a workspace, and {left} "
    "are left. Narrow it down, wait, or have the operator raise --write-budget. Nothing was changed."
)
CROWDED_MESSAGE = "Too many workspaces change records by this server at present. Nothing was changed."


class BudgetSpent(Exception):
    """A write for which the budget does not suffice. The message says how much is left."""


class WriteBudget:
    """The budget of a server. Of two workspaces, one takes nothing from the other."""

    def __init__(self, records: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.records = records
        self._clock = clock
        self._writes: dict[int, deque[tuple[float, int]]] = {}  # by workspace: when, and how many records

    def left(self, workspace_id: int) -> int:
        """Return how many records the workspace may change now."""
        writes, now = self._writes.get(workspace_id), self._clock()
        if writes is None:
            return self.records
        while writes and writes[0][0] <= now - BUDGET_SECONDS:
            writes.popleft()
        if not writes:
            del self._writes[workspace_id]
        return self.records - sum(count for _, count in writes)

    def check(self, workspace_id: int, count: int) -> None:
        """BudgetSpent if the workspace may not change so many records now."""
        left = self.left(workspace_id)
        if count > left:
            raise BudgetSpent(SPENT_MESSAGE.format(count=count, budget=self.records, left=left))

    def spend(self, workspace_id: int, count: int) -> None:
        """Take so many records out of the budget. BudgetSpent if they are not in it."""
        self.check(workspace_id, count)
        if workspace_id not in self._writes and len(self._writes) >= MAX_WORKSPACES:
            self._writes = {key: writes for key, writes in self._writes.items() if self.left(key) < self.records}
            if len(self._writes) >= MAX_WORKSPACES:
                raise BudgetSpent(CROWDED_MESSAGE)
        # A write of nothing counts as one, so that the list is bounded by the budget.
        self._writes.setdefault(workspace_id, deque()).append((self._clock(), max(count, 1)))

    def give_back(self, workspace_id: int, count: int) -> None:
        """Put back what was taken for a write that was refused."""
        writes = self._writes.get(workspace_id, deque())
        taken = next((write for write in reversed(writes) if write[1] == max(count, 1)), None)
        if taken is not None:
            writes.remove(taken)
