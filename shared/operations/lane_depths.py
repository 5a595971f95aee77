"""The due work of each lane: how much it is and how old the oldest is. Work that is due later does not count."""

from typing import NamedTuple, cast

from shared.operations.lane_names import LaneName
from shared.platform.db.connections import Connection

JOURNAL_DEPTHS_SQL = """
SELECT CASE lane WHEN 0 THEN 'waited_for' WHEN 1 THEN 'prompt' ELSE 'bulk' END AS lane, 0::bigint AS workspace_id,
       sum(n)::bigint AS depth, extract(epoch FROM clock_timestamp() - min(stored_at))::float8 AS oldest_s
FROM journal WHERE due_at <= clock_timestamp() GROUP BY lane
"""
# Events of workspaces that nobody watches are dropped soon, so they are no work. A delivery in flight waits no longer.
WORKSPACE_DEPTHS_SQL = """
SELECT lane, workspace_id, sum(n)::bigint AS depth,
       extract(epoch FROM clock_timestamp() - min(since))::float8 AS oldest_s
FROM (
    SELECT 'automations' AS lane, e.workspace_id, count(*) AS n, min(e.occurred_at) AS since
    FROM events e JOIN rule_versions v ON v.workspace_id = e.workspace_id AND v.is_watched
    WHERE %(w)s = 0 OR e.workspace_id = %(w)s GROUP BY 2
    UNION ALL
    SELECT 'automations', workspace_id, count(*), min(due_at) FROM automation_runs
    WHERE due_at <= clock_timestamp() AND (%(w)s = 0 OR workspace_id = %(w)s) GROUP BY 2
    UNION ALL
    SELECT 'automations', workspace_id, count(*), min(due_at) FROM inactivity_timers
    WHERE due_at <= clock_timestamp() AND (%(w)s = 0 OR workspace_id = %(w)s) GROUP BY 2
    UNION ALL
    SELECT 'deliveries', workspace_id, count(*), min(due_at) FROM deliveries
    WHERE state = 'pending' AND sending_since IS NULL AND due_at <= clock_timestamp()
      AND (%(w)s = 0 OR workspace_id = %(w)s) GROUP BY 2
) work GROUP BY 1, 2
"""
LANE_DEPTHS_SQL = f"{JOURNAL_DEPTHS_SQL} UNION ALL {WORKSPACE_DEPTHS_SQL}"


class LaneDepth(NamedTuple):
    """The due work of a lane, and the age of the oldest in seconds."""

    depth: int
    oldest_s: float


NO_DEPTH = LaneDepth(0, 0.0)


async def read_lane_depths(connection: Connection, workspace_id: int) -> dict[LaneName, LaneDepth]:
    """Return the depths of the lanes: a workspace's automations and deliveries, and the journal's lanes of everybody.

    `WHOLE_INSTALLATION` as the workspace sums all workspaces.
    """
    statement = LANE_DEPTHS_SQL.encode()
    rows = await (await connection.execute(statement, {"w": workspace_id}, prepare=False)).fetchall()
    depths: dict[LaneName, LaneDepth] = {}
    for lane, _, depth, oldest in rows:
        known = depths.get(lane, NO_DEPTH)
        depths[cast("LaneName", lane)] = LaneDepth(known.depth + depth, max(known.oldest_s, round(oldest, 3)))
    return depths
