"""The ledger: accepted = done + pending + dead + quarantined + spooled.

Pending are the submissions in the journal, and those whose leads wait to be fetched from their providers. Spooled are
those that the spool alone holds: one that a gateway could not confirm in the database may be in both.

Each number is counted in the transaction that makes it true. Transactions append deltas, and the sweeper folds these
into totals. A reader sums both in one statement, so that it sees a fold either completely or not at all.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from shared.intake import journal
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection

MAX_READ_ATTEMPTS = 5
COUNTED_STATES = ("accepted", "done", "dead", "quarantined")
LEDGER_STATES = ("accepted", "pending", "done", "dead", "quarantined", "spooled")

_LEDGER_SQL = """
SELECT coalesce((SELECT json_object_agg(state, n) FROM (
           SELECT state, sum(n) AS n
           FROM (SELECT state, n FROM ledger UNION ALL SELECT state, n FROM ledger_deltas) counts
           GROUP BY state) sums), '{}'),
       (SELECT coalesce(sum(n), 0)::bigint FROM journal) + (SELECT count(*) FROM {fetches}),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(stored_at)), 0)::float8 FROM journal),
       (SELECT count(*) FROM processes WHERE kind = 'worker' AND seen_at > now() - interval '10 s'),
       (SELECT coalesce(json_object_agg(lane, n), '{}') FROM (SELECT lane, sum(n) AS n FROM journal GROUP BY lane) l)
"""
LEDGER_SQL = _LEDGER_SQL.replace("{fetches}", "source_fetches")
# A backup is also made before an upgrade, while the table is not there yet.
EARLIER_LEDGER_SQL = _LEDGER_SQL.replace("{fetches}", "(SELECT WHERE false) none")
HAS_FETCHES_SQL = "SELECT to_regclass('source_fetches') IS NOT NULL"
WORKSPACE_LEDGER_SQL = """
SELECT coalesce((SELECT json_object_agg(state, n) FROM (
           SELECT state, sum(n) AS n
           FROM (SELECT state, n FROM ledger WHERE workspace_id = %(workspace)s
                 UNION ALL SELECT state, n FROM ledger_deltas WHERE workspace_id = %(workspace)s) counts
           GROUP BY state) sums), '{}'),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(stored_at)), 0)::float8 FROM journal)
"""
FOLD_LEDGER_DELTAS_SQL = """
WITH folded AS (
    DELETE FROM ledger_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ledger_deltas LIMIT 20000 FOR UPDATE SKIP LOCKED))
    RETURNING workspace_id, state, n
)
INSERT INTO ledger (workspace_id, state, n) SELECT workspace_id, state, sum(n) FROM folded GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (workspace_id, state) DO UPDATE SET n = ledger.n + excluded.n
"""
LANE_NAMES = {"0": "waited_for", "1": "prompt", "2": "bulk"}


async def read_ledger(connection: Connection, spool: Spool | None) -> dict[str, Any]:
    """Return the ledger, the age of the oldest waiting submission (seconds) and the queues, over all workspaces.

    A lead that waits to be fetched is pending, but its age is its provider's affair.
    """

    async def count_spooled() -> int:
        spooled = await spool.count_submissions() if spool else 0
        return max(0, spooled - await _count_extra(connection, spool)) if spool and spooled else 0

    row = await (await connection.execute(HAS_FETCHES_SQL)).fetchone()
    query = LEDGER_SQL if row and row[0] else EARLIER_LEDGER_SQL
    ledger_row, spooled = await _read_consistently(connection, query, {}, count_spooled)
    counts, pending, oldest, workers, lanes = ledger_row or ({}, 0, 0, 0, {})
    if spool and spooled:
        oldest = max(oldest, await spool.oldest_waiting_s())
    return {
        **_ledger_entries(counts, pending, spooled),
        "oldest_waiting_s": round(max(oldest, 0.0), 3),
        "workers": workers,
        "queues": {name: lanes.get(lane, 0) for lane, name in LANE_NAMES.items()},
    }


async def read_workspace_ledger(connection: Connection, spool: Spool | None, workspace_id: int) -> dict[str, Any]:
    """Return one workspace's ledger, and an upper bound for the age of its oldest waiting submission (seconds).

    It is a bound because the rows of the journal are shared by all workspaces.
    """

    async def spooled_of() -> int:
        spooled = await spool.count_workspace_submissions(workspace_id) if spool else 0
        return max(0, spooled - await _count_extra(connection, spool, workspace_id)) if spool and spooled else 0

    found, spooled = await _read_consistently(connection, WORKSPACE_LEDGER_SQL, {"workspace": workspace_id}, spooled_of)
    counts, oldest = found or ({}, 0)
    pending = counts.get("accepted", 0) - sum(counts.get(state, 0) for state in COUNTED_STATES[1:])
    if spool and spooled:
        oldest = max(oldest, await spool.oldest_waiting_s())
    oldest = oldest if pending or spooled else 0.0
    return {**_ledger_entries(counts, pending, spooled), "oldest_waiting_s": round(max(oldest, 0.0), 3)}


async def _read_consistently(
    connection: Connection, query: LiteralString, arguments: Mapping[str, Any], count: Callable[[], Awaitable[int]]
) -> tuple[TupleRow | None, int]:
    """Return the query's row and the number of spooled submissions at the same moment.

    Both are read again if the spool changed meanwhile, a limited number of times, since it may change all the time.
    """
    before = await count()
    for _ in range(MAX_READ_ATTEMPTS):
        row = await (await connection.execute(query, arguments)).fetchone()
        spooled = await count()
        if spooled == before:
            break
        before = spooled
    return row, spooled


async def _count_extra(connection: Connection, spool: Spool, workspace_id: int | None = None) -> int:
    """Return how many submissions in the spool count elsewhere: the database holds them, or another entry does.

    A sweeper of an earlier version, which forgets no repeats, may leave more of them than there are submissions.
    """
    repeats = [key for key in await spool.read_repeats() if workspace_id in (None, key[0])]
    return len(repeats) - await journal.count_missing(connection, repeats) if repeats else 0


def _ledger_entries(counts: Mapping[str, int], pending: int, spooled: int) -> dict[str, int]:
    return {
        "accepted": counts.get("accepted", 0) + spooled,
        "pending": pending,
        "done": counts.get("done", 0),
        "dead": counts.get("dead", 0),
        "quarantined": counts.get("quarantined", 0),
        "spooled": spooled,
    }


def count_unaccounted(state: Mapping[str, Any]) -> int:
    """Return by how many submissions the ledger does not add up. Anything but 0 is an error."""
    return int(state["accepted"] - sum(state[name] for name in LEDGER_STATES[1:]))


async def fold_deltas(connection: Connection) -> None:
    """Fold deltas into totals."""
    await connection.execute(FOLD_LEDGER_DELTAS_SQL, prepare=False)  # a plan made for an empty table would be quadratic
