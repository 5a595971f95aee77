"""Counters of events. Each event adds a delta in its own transaction.

The sweeper folds deltas into totals. A reader sums both in one statement, so that it sees a fold either completely or
not at all. There are two kinds: `form` (submissions of a form) and `automation` (runs of an automation).
"""

from collections.abc import Mapping

from shared.platform.db.connections import Connection, StatementExecutor, as_json

ADD_COUNTER_DELTAS_SQL = """
INSERT INTO counter_deltas (workspace_id, kind, ref_id, n)
SELECT (d->>0)::bigint, d->>1, (d->>2)::bigint, (d->>3)::bigint FROM json_array_elements(%s::json) d
"""
FOLD_COUNTER_DELTAS_SQL = """
WITH folded AS (
    DELETE FROM counter_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM counter_deltas LIMIT 20000 FOR UPDATE SKIP LOCKED))
    RETURNING workspace_id, kind, ref_id, n
)
INSERT INTO counters (workspace_id, kind, ref_id, n)
SELECT workspace_id, kind, ref_id, sum(n) FROM folded GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (workspace_id, kind, ref_id) DO UPDATE SET n = counters.n + excluded.n
"""


async def add_counts(connection: StatementExecutor, counts: Mapping[tuple[int, str, int], int]) -> None:
    """Add counts. Keys are (workspace id, kind, id of the form or automation)."""
    if counts:
        await connection.execute(ADD_COUNTER_DELTAS_SQL, (as_json([(*key, n) for key, n in counts.items()]),))


async def fold_deltas(connection: Connection) -> None:
    """Fold deltas into totals."""
    # A plan made for an empty table would be quadratic.
    await connection.execute(FOLD_COUNTER_DELTAS_SQL, prepare=False)
