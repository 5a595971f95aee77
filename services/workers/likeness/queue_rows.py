"""The queue of leads to be compared. One process at a time works on a workspace: an advisory lock keeps others out."""

from typing import Any, NamedTuple

from services.workers.likeness.sql_arrays import bigint_array
from shared.platform.db.advisory_locks import LIKENESS_LOCK_CLASS
from shared.platform.db.connections import Connection

MAX_QUEUE_ROWS = 100  # rows of one look; each holds the leads of one statement, up to 500

# Workspaces with waiting rows, each found by one step along the key.
READ_HEADS_SQL = """
WITH RECURSIVE waiting AS (
    (SELECT workspace_id, id, cardinality(lead_ids) AS n, created_at FROM likeness_queue
     ORDER BY workspace_id, id LIMIT 1)
    UNION ALL
    SELECT following.* FROM waiting w, LATERAL (
        SELECT workspace_id, id, cardinality(lead_ids), created_at FROM likeness_queue
        WHERE workspace_id > w.workspace_id ORDER BY workspace_id, id LIMIT 1) following
) SELECT workspace_id, id, n, extract(epoch FROM clock_timestamp() - created_at)::float8 FROM waiting
"""
# The first workspace after this one that nobody works on. PostgreSQL takes no more steps than it needs to find it.
LOCK_WORKSPACE_SQL = f"""
WITH RECURSIVE turns AS (
    (SELECT workspace_id FROM likeness_queue WHERE workspace_id > %s ORDER BY workspace_id, id LIMIT 1)
    UNION ALL
    SELECT following.workspace_id FROM turns t, LATERAL (
        SELECT workspace_id FROM likeness_queue
        WHERE workspace_id > t.workspace_id ORDER BY workspace_id, id LIMIT 1) following
)
SELECT workspace_id FROM turns WHERE pg_try_advisory_xact_lock({LIKENESS_LOCK_CLASS}, workspace_id::int) LIMIT 1
"""
READ_ROWS_SQL = f"""
SELECT id, lead_ids, is_rescored FROM likeness_queue WHERE workspace_id = %s ORDER BY id LIMIT {MAX_QUEUE_ROWS}
"""
DELETE_ROWS_SQL = "DELETE FROM likeness_queue WHERE workspace_id = %s AND id = ANY(%s::bigint[])"
SHORTEN_ROW_SQL = "UPDATE likeness_queue SET lead_ids = %s::bigint[] WHERE workspace_id = %s AND id = %s"


class QueueHeads(NamedTuple):
    """The first row of each workspace: its id and number of leads. `seconds` is how long the oldest has waited."""

    rows: frozenset[tuple[int, int, int]]
    seconds: float


class QueuedLeads(NamedTuple):
    """Leads taken from the queue. Those in `rescored` are compared even if they have not changed."""

    workspace_id: int
    lead_ids: list[int]
    rescored: frozenset[int]


async def read_heads(connection: Connection) -> QueueHeads:
    """Return the first rows. They change whenever leads are taken."""
    rows = await (await connection.execute(READ_HEADS_SQL)).fetchall()
    return QueueHeads(frozenset(row[:3] for row in rows), max((row[3] for row in rows), default=0.0))


async def lock_workspace(connection: Connection, after: int) -> int | None:
    """Return a workspace with waiting rows, under its lock until the transaction ends, or None.

    They take turns: it is the next one after `after`, or behind the last one the first again.
    """
    for start in (after, 0):
        if row := await (await connection.execute(LOCK_WORKSPACE_SQL, (start,))).fetchone():
            return int(row[0])
    return None


async def take_leads(connection: Connection, workspace_id: int, limit: int) -> QueuedLeads:
    """Take up to `limit` leads from the queue of a locked workspace."""
    rows = await (await connection.execute(READ_ROWS_SQL, (workspace_id,))).fetchall()
    leads, used, rest = _choose_leads(rows, limit)
    await connection.execute(DELETE_ROWS_SQL, (workspace_id, bigint_array(used)))
    if rest:
        await connection.execute(SHORTEN_ROW_SQL, (bigint_array(rest[1]), workspace_id, rest[0]))
    rescored = frozenset(id_ for id_, is_rescored in leads.items() if is_rescored)
    return QueuedLeads(workspace_id, list(leads), rescored)


def _choose_leads(rows: list[Any], limit: int) -> tuple[dict[int, bool], list[int], tuple[int, list[int]] | None]:
    """Return leads with whether they are rescored, the rows that are used up, and what is left of the last row."""
    leads: dict[int, bool] = {}
    used: list[int] = []
    for row_id, lead_ids, is_rescored in rows:
        for place, lead_id in enumerate(lead_ids):
            if len(leads) >= limit and lead_id not in leads:
                return leads, used, (row_id, lead_ids[place:])
            leads[lead_id] = is_rescored or leads.get(lead_id, False)
        used.append(row_id)
    return leads, used, None
