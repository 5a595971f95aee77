"""Sources by channel and name: when each was last seen, how much it sends, and whether it is silent."""

from datetime import datetime
from typing import Any

from shared.operations.overview_types import SourceState
from shared.operations.source_habit import judge_source
from shared.platform.db.connections import Connection

MAX_SOURCES = 200  # the latest seen
HABIT_HALF_HOURS = 96  # two days
HOURS_SHOWN = 24

# Minutes and half hours alike are summed by half hours, counted back from the present one (place 0).
SOURCES_SQL = f"""
WITH placed AS (
    SELECT workspace_id, channel, source, received, last_received_at, at, step,
           (extract(epoch FROM date_bin('30 minutes', clock_timestamp(), 'epoch')
                               - date_bin('30 minutes', at, 'epoch')) / 1800)::int AS place
    FROM source_statistics WHERE %(w)s = 0 OR workspace_id = %(w)s
), halves AS (
    SELECT workspace_id, channel, source, place, sum(received)::bigint AS n, max(last_received_at) AS last,
           coalesce(sum(received) FILTER (WHERE step = 60 AND at >= clock_timestamp() - interval '1 h'),
               0)::bigint AS hour
    FROM placed GROUP BY 1, 2, 3, 4
)
SELECT workspace_id, channel, source, max(last), extract(epoch FROM clock_timestamp() - max(last))::float8,
       sum(hour)::bigint, json_agg(json_build_array(place, n)) FILTER (WHERE place < {HABIT_HALF_HOURS})
FROM halves GROUP BY 1, 2, 3 ORDER BY max(last) DESC LIMIT {MAX_SOURCES}
"""


async def read_sources(connection: Connection, workspace_id: int) -> list[SourceState]:
    """Return the sources of a workspace, or of all workspaces for `WHOLE_INSTALLATION`, the latest seen first."""
    rows = await (await connection.execute(SOURCES_SQL.encode(), {"w": workspace_id}, prepare=False)).fetchall()
    return [_source_state(*row) for row in rows]


def _source_state(
    workspace_id: int, channel: str, source: str, last: datetime, last_seen_s: float, hour: int, places: Any
) -> SourceState:
    by_half_hour = [0] * HABIT_HALF_HOURS
    for place, count in places or ():
        by_half_hour[max(place, 0)] += count
    history = by_half_hour[::-1]  # the oldest first
    habit = judge_source(history, last_seen_s)
    # The present half hour is the last one: hours are pairs of half hours, counted back from it.
    day = history[-2 * HOURS_SHOWN :]
    sparkline = [day[place] + day[place + 1] for place in range(0, 2 * HOURS_SHOWN, 2)]
    return SourceState(
        workspace_id,
        channel,
        source or None,
        last,
        round(max(last_seen_s, 0.0), 1),
        hour,
        sum(sparkline),
        habit.usual_interval_s,
        sparkline,
        habit.is_silent,
    )
