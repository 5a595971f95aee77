"""Round-robin counters: one for each step that assigns users in turn, locked while a batch uses it.

Concurrent engines use a counter one after the other, so that each assignment goes to the next available user. A batch
that is rolled back also rolls back its counters.
"""

from collections.abc import Iterable, Sequence

from services.workers.automations.values import Run
from shared.automations.perform import next_turn
from shared.db import Connection, as_json

Place = tuple[int, int, int]  # workspace, automation, step

# Sorted, like all keys that two transactions may lock at once. Counters are locked after the leads and before tags.
MAKE = """
INSERT INTO automation_turns (workspace_id, automation_id, step)
SELECT (t->>0)::bigint, (t->>1)::bigint, (t->>2)::smallint FROM json_array_elements(%s::json) t ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT s.workspace_id, s.automation_id, s.step, s.n FROM automation_turns s
JOIN json_array_elements(%s::json) t
  ON s.workspace_id = (t->>0)::bigint AND s.automation_id = (t->>1)::bigint AND s.step = (t->>2)::smallint
ORDER BY 1, 2, 3 FOR UPDATE OF s
"""
LOOK = LOCK.removesuffix(" FOR UPDATE OF s\n")
KEEP = """
UPDATE automation_turns s SET n = (t->>3)::bigint FROM json_array_elements(%s::json) t
WHERE s.workspace_id = (t->>0)::bigint AND s.automation_id = (t->>1)::bigint AND s.step = (t->>2)::smallint
"""


class Turns:
    """The locked counters of a batch."""

    def __init__(self, counts: dict[Place, int]) -> None:
        self._counts = counts
        self._before = dict(counts)

    @classmethod
    async def lock(cls, connection: Connection, runs: Iterable[Run]) -> "Turns":
        """Lock and return the counters that the runs may use."""
        places = sorted({place for run in runs for place in _places(run)})
        if not places:
            return cls({})
        await connection.execute(MAKE, (as_json(places),))
        rows = await (await connection.execute(LOCK, (as_json(places),))).fetchall()
        return cls({(row[0], row[1], row[2]): row[3] for row in rows})

    @classmethod
    async def look(cls, connection: Connection, runs: Iterable[Run]) -> "Turns":
        """Return the same counters without a lock. They must not be saved."""
        counts: dict[Place, int] = dict.fromkeys(sorted({place for run in runs for place in _places(run)}), 0)
        if counts:
            rows = await (await connection.execute(LOOK, (as_json(list(counts)),))).fetchall()
            counts |= {(row[0], row[1], row[2]): row[3] for row in rows}
        return cls(counts)

    def take(self, place: Place, there: Sequence[bool]) -> int:
        """Take the next turn at a step, as `next_turn` decides."""
        turn = next_turn(self._counts[place], there)
        self._counts[place] = turn + 1
        return turn

    def take_again(self, taken: Sequence[tuple[Place, Sequence[bool], int]]) -> bool:
        """Take turns that were taken without a lock before. Return False, and take none, if one is no longer next."""
        if any(next_turn(self._counts[place], there) != turn for place, there, turn in taken):
            return False
        self._counts.update({place: turn + 1 for place, _, turn in taken})
        return True

    def counts(self) -> dict[Place, int]:
        """Return a copy of the counters, for `reset_to`."""
        return dict(self._counts)

    def back_to(self, counts: dict[Place, int]) -> None:
        """Reset the counters to an earlier copy."""
        self._counts = dict(counts)

    async def keep(self, connection: Connection) -> None:
        """Write the counters that have changed."""
        moved = [(*place, n) for place, n in self._counts.items() if n != self._before[place]]
        if moved:
            await connection.execute(KEEP, (as_json(moved),))


def _places(run: Run) -> Iterable[Place]:
    for index, step in enumerate(run.steps[run.at :], run.at):
        if "action" in step and step["action"].get("round_robin"):
            yield run.workspace_id, run.automation_id, index
