"""How far likeness is behind: leads that came or changed and are not compared yet."""

from typing import NamedTuple

from shared.platform.db.connections import Connection

BACKLOG_SQL = """
SELECT coalesce(sum(cardinality(lead_ids)), 0)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
FROM likeness_queue WHERE workspace_id = %(workspace)s
"""


class ComparisonBacklog(NamedTuple):
    """`leads` wait to be compared; one that changed twice counts twice. The oldest has waited for `seconds`."""

    leads: int
    seconds: float


async def read_backlog(connection: Connection, workspace_id: int) -> ComparisonBacklog:
    """Return what waits in a workspace."""
    row = await (await connection.execute(BACKLOG_SQL, {"workspace": workspace_id})).fetchone()
    return ComparisonBacklog(*row) if row else ComparisonBacklog(0, 0.0)
