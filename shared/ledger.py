"""The ledger: accepted = done + pending + dead + quarantined + spooled, each counted where it becomes true.

Transactions append deltas; the sweeper folds them into totals. A reader sums both in one statement, so that a fold
in progress is seen whole or not at all.
"""

from typing import Any

from shared.db import Connection
from shared.spool import Spool

STATES = ("accepted", "done", "dead", "quarantined")

READ = """
SELECT coalesce((SELECT json_object_agg(state, n) FROM (
           SELECT state, sum(n) AS n
           FROM (SELECT state, n FROM ledger UNION ALL SELECT state, n FROM ledger_deltas) counts
           GROUP BY state) sums), '{}'),
       (SELECT coalesce(sum(n), 0)::bigint FROM journal),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(stored_at)), 0)::float8 FROM journal),
       (SELECT count(*) FROM processes WHERE kind = 'worker' AND seen_at > now() - interval '10 s'),
       (SELECT coalesce(json_object_agg(lane, n), '{}') FROM (SELECT lane, sum(n) AS n FROM journal GROUP BY lane) l)
"""
FOLD = """
WITH folded AS (
    DELETE FROM ledger_deltas WHERE id IN (SELECT id FROM ledger_deltas ORDER BY id LIMIT 20000 FOR UPDATE SKIP LOCKED)
    RETURNING workspace_id, state, n
)
INSERT INTO ledger (workspace_id, state, n) SELECT workspace_id, state, sum(n) FROM folded GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (workspace_id, state) DO UPDATE SET n = ledger.n + excluded.n
"""
LANES = {"0": "waited_for", "1": "prompt", "2": "bulk"}


async def read(connection: Connection, spool: Spool | None) -> dict[str, Any]:
    """The ledger, the age of what waits longest (seconds) and the queues, over all workspaces."""
    before = await spool.submissions() if spool else 0
    while True:
        counts, pending, oldest, workers, lanes = await (await connection.execute(READ)).fetchone() or ({}, 0, 0, 0, {})
        spooled = await spool.submissions() if spool else 0
        if spooled == before:
            break
        before = spooled  # an entry moved between the two stores while they were read
    return {
        "accepted": counts.get("accepted", 0) + spooled,
        "pending": pending,
        "done": counts.get("done", 0),
        "dead": counts.get("dead", 0),
        "quarantined": counts.get("quarantined", 0),
        "spooled": spooled,
        "oldest_waiting_s": round(max(oldest, 0.0), 3),
        "workers": workers,
        "queues": {name: lanes.get(lane, 0) for lane, name in LANES.items()},
    }


async def fold(connection: Connection) -> None:
    """Sums deltas up into totals."""
    await connection.execute(FOLD)
