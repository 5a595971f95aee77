"""Tallies: how often something happened, counted by deltas in the transaction that makes it true.

The sweeper folds deltas into totals; a reader sums both in one statement, so that a fold in progress is seen whole or
not at all. Kinds: `form` (submissions of a form), `automation` (its runs).
"""

from collections.abc import Mapping

from shared.db import Connection, Statements, as_json

ADD = """
INSERT INTO tally_deltas (workspace_id, kind, ref_id, n)
SELECT (d->>0)::bigint, d->>1, (d->>2)::bigint, (d->>3)::bigint FROM json_array_elements(%s::json) d
"""
FOLD = """
WITH folded AS (
    DELETE FROM tally_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM tally_deltas LIMIT 20000 FOR UPDATE SKIP LOCKED))
    RETURNING workspace_id, kind, ref_id, n
)
INSERT INTO tallies (workspace_id, kind, ref_id, n)
SELECT workspace_id, kind, ref_id, sum(n) FROM folded GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (workspace_id, kind, ref_id) DO UPDATE SET n = tallies.n + excluded.n
"""


async def add(connection: Statements, counts: Mapping[tuple[int, str, int], int]) -> None:
    """Counts; keys are (workspace id, kind, id of what is counted)."""
    if counts:
        await connection.execute(ADD, (as_json([(*key, n) for key, n in counts.items()]),))


async def fold(connection: Connection) -> None:
    """Sums deltas up into totals."""
    await connection.execute(FOLD, prepare=False)  # a plan made for an empty table compares each with each
