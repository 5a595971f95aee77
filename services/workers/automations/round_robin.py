"""Round-robin counters: one for each step that assigns users in turn, locked while a batch uses it.

Concurrent engines use a counter one after the other, so that each assignment goes to the next available user. A batch
that is rolled back also rolls back its counters.
"""

from collections.abc import Iterable, Sequence

from services.workers.automations.types import ActiveRun
from shared.automations.action_handlers import next_turn
from shared.platform.db.connections import Connection, as_json

StepKey = tuple[int, int, int]  # workspace, automation, step

# Sorted, like all keys that two transactions may lock at once. Counters are locked after the leads and before tags.
ENSURE_COUNTERS_SQL = """
INSERT INTO round_robin_counters (workspace_id, automation_id, step)
SELECT (t->>0)::bigint, (t->>1)::bigint, (t->>2)::smallint FROM json_array_elements(%s::json) t ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
LOCK_COUNTERS_SQL = """
SELECT s.workspace_id, s.automation_id, s.step, s.n FROM round_robin_counters s
JOIN json_array_elements(%s::json) t
  ON s.workspace_id = (t->>0)::bigint AND s.automation_id = (t->>1)::bigint AND s.step = (t->>2)::smallint
ORDER BY 1, 2, 3 FOR UPDATE OF s
"""
READ_COUNTERS_SQL = LOCK_COUNTERS_SQL.removesuffix(" FOR UPDATE OF s\n")
UPDATE_COUNTERS_SQL = """
UPDATE round_robin_counters s SET n = (t->>3)::bigint FROM json_array_elements(%s::json) t
WHERE s.workspace_id = (t->>0)::bigint AND s.automation_id = (t->>1)::bigint AND s.step = (t->>2)::smallint
"""


class RoundRobinCounters:
    """The locked counters of a batch."""

    def __init__(self, counts: dict[StepKey, int]) -> None:
        self._counts = counts
        self._initial_counts = dict(counts)

    @classmethod
    async def lock_for_runs(cls, connection: Connection, runs: Iterable[ActiveRun]) -> "RoundRobinCounters":
        """Lock and return the counters that the runs may use."""
        places = sorted({place for run in runs for place in _round_robin_steps(run)})
        if not places:
            return cls({})
        await connection.execute(ENSURE_COUNTERS_SQL, (as_json(places),))
        rows = await (await connection.execute(LOCK_COUNTERS_SQL, (as_json(places),))).fetchall()
        return cls({(row[0], row[1], row[2]): row[3] for row in rows})

    @classmethod
    async def read_unlocked(cls, connection: Connection, runs: Iterable[ActiveRun]) -> "RoundRobinCounters":
        """Return the same counters without a lock. They must not be saved."""
        counts: dict[StepKey, int] = dict.fromkeys(
            sorted({place for run in runs for place in _round_robin_steps(run)}), 0
        )
        if counts:
            rows = await (await connection.execute(READ_COUNTERS_SQL, (as_json(list(counts)),))).fetchall()
            counts |= {(row[0], row[1], row[2]): row[3] for row in rows}
        return cls(counts)

    def take_turn(self, place: StepKey, there: Sequence[bool]) -> int:
        """Take the next turn at a step, as `next_turn` decides."""
        turn = next_turn(self._counts[place], there)
        self._counts[place] = turn + 1
        return turn

    def take_again(self, turns: Sequence[tuple[StepKey, Sequence[bool], int]]) -> bool:
        """Take turns that were taken without a lock before. Return False, and take none, if one is no longer next."""
        if any(next_turn(self._counts[place], there) != turn for place, there, turn in turns):
            return False
        self._counts.update({place: turn + 1 for place, _, turn in turns})
        return True

    def current_counts(self) -> dict[StepKey, int]:
        """Return a copy of the counters, for `reset_to`."""
        return dict(self._counts)

    def reset_to(self, counts: dict[StepKey, int]) -> None:
        """Reset the counters to an earlier copy."""
        self._counts = dict(counts)

    async def save_counters(self, connection: Connection) -> None:
        """Write the counters that have changed."""
        moved = [(*place, n) for place, n in self._counts.items() if n != self._initial_counts[place]]
        if moved:
            await connection.execute(UPDATE_COUNTERS_SQL, (as_json(moved),))


def _round_robin_steps(run: ActiveRun) -> Iterable[StepKey]:
    for index, step in enumerate(run.steps[run.step_index :], run.step_index):
        if "action" in step and step["action"].get("round_robin"):
            yield run.workspace_id, run.automation_id, index
