"""The history by the minute: submissions, time to verdict, and the lanes' work. Older times are half hours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.operations.histogram import percentiles
from shared.operations.lane_names import LaneName
from shared.platform.db.connections import Connection

MINUTE_SECONDS, HALF_HOUR_SECONDS = 60, 1800
MAX_HISTORY_MINUTES = 2880  # two days
MINUTES_BY_THE_MINUTE = 60  # longer histories are of half hours

# A point for each step, also for steps without rows. Workspace 0 sums all workspaces. The current step is the last.
SUBMISSIONS_SQL = """
WITH points AS (
    SELECT generate_series(date_bin(%(step)s::int * interval '1 s', clock_timestamp(), 'epoch')
                           - (%(n)s::int - 1) * %(step)s::int * interval '1 s',
                           date_bin(%(step)s::int * interval '1 s', clock_timestamp(), 'epoch'),
                           %(step)s::int * interval '1 s') AS at
), figures AS (
    SELECT date_bin(%(step)s::int * interval '1 s', at, 'epoch') AS at, accepted, done, dead, quarantined, duplicates,
           verdict_ms
    FROM minute_statistics
    WHERE at >= (SELECT min(at) FROM points) AND (%(w)s = 0 OR workspace_id = %(w)s)
      AND step IN (60, 1800)
)
SELECT p.at, coalesce(sum(accepted), 0)::bigint, coalesce(sum(done), 0)::bigint, coalesce(sum(dead), 0)::bigint,
       coalesce(sum(quarantined), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, sum_counts(verdict_ms)
FROM points p LEFT JOIN figures f USING (at) GROUP BY p.at ORDER BY p.at
"""
# A workspace's lane without a row had no work, if the installation's lane has one: then the depth was sampled. The
# depth is that at the end of the step.
LANES_SQL = """
WITH figures AS (
    SELECT date_bin(%(step)s::int * interval '1 s', at, 'epoch') AS bin, * FROM lane_statistics
    WHERE at >= date_bin(%(step)s::int * interval '1 s', clock_timestamp(), 'epoch')
                - %(n)s::int * %(step)s::int * interval '1 s'
      AND workspace_id IN (0, %(w)s)
)
SELECT bin, lane,
       (array_agg(CASE WHEN workspace_id = %(w)s THEN depth END ORDER BY at DESC)
           FILTER (WHERE workspace_id = %(w)s AND sampled_at IS NOT NULL))[1],
       max(oldest_s) FILTER (WHERE workspace_id = %(w)s),
       bool_or(workspace_id = 0 AND sampled_at IS NOT NULL),
       coalesce(sum(out) FILTER (WHERE workspace_id = %(w)s), 0)::bigint,
       sum_counts(waiting_ms) FILTER (WHERE workspace_id = %(w)s),
       sum_counts(work_ms) FILTER (WHERE workspace_id = %(w)s)
FROM figures GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class LanePoint:
    """A lane in one step: due work and its oldest at the end, what came in and went out, and percentiles in ms.

    None is unknown: nothing was sampled then.
    """

    depth: int | None
    oldest_s: float | None
    entered: int | None
    out: int
    waiting_ms: dict[str, float | None]
    work_ms: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One step of the history. `verdict_ms` are percentiles of the time from received to decided."""

    at: datetime
    accepted: int
    done: int
    dead: int
    quarantined: int
    duplicates: int
    verdict_ms: dict[str, float | None]
    lanes: dict[LaneName, LanePoint] = field(default_factory=dict)


async def read_history(
    connection: Connection, workspace_id: int, minutes: int, lanes: tuple[LaneName, ...]
) -> tuple[int, list[HistoryPoint]]:
    """Return the step in seconds and the points of the last `minutes`, the current one last, with these lanes.

    Up to an hour is given by the minute, more by half hours. `WHOLE_INSTALLATION` sums all workspaces.
    """
    step = MINUTE_SECONDS if minutes <= MINUTES_BY_THE_MINUTE else HALF_HOUR_SECONDS
    arguments = {"w": workspace_id, "step": step, "n": -(-minutes * 60 // step)}
    rows = await (await connection.execute(SUBMISSIONS_SQL, arguments, prepare=False)).fetchall()
    points = {row[0]: HistoryPoint(*(*row[:-1], percentiles(row[-1]))) for row in rows}
    found = await (await connection.execute(LANES_SQL, arguments, prepare=False)).fetchall()
    by_lane: dict[LaneName, dict[datetime, Any]] = {lane: {} for lane in lanes}
    for row in found:
        if row[1] in by_lane:
            by_lane[row[1]][row[0]] = row
    for lane, figures in by_lane.items():
        for at, point in _lane_points(list(points), figures):
            points[at].lanes[lane] = point
    return step, list(points.values())


def _lane_points(times: list[datetime], figures: dict[datetime, Any]) -> Iterator[tuple[datetime, LanePoint]]:
    """Yield the points of one lane. What came in is what went out and by how much the depth grew."""
    before = _depth_before(times, figures)
    for at in times:
        row = figures.get(at)
        depth = _depth_of(row)
        out = row[5] if row else 0
        entered = None if depth is None or before is None else max(out + depth - before, 0)
        oldest = (row[3] or 0.0) if row and depth is not None else None
        yield at, LanePoint(depth, oldest, entered, out, *(percentiles((row and row[n]) or ()) for n in (6, 7)))
        before = depth


def _depth_of(row: Any) -> int | None:
    """Return the depth at the end of a step, None if nothing was sampled in it."""
    if row is None:
        return None
    if row[2] is not None:
        return int(row[2])
    return 0 if row[4] else None


def _depth_before(times: list[datetime], figures: dict[datetime, Any]) -> int | None:
    earlier = [at for at in figures if at < times[0]]
    return _depth_of(figures[max(earlier)]) if earlier else None
