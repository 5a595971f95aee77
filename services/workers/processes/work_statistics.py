"""Figures of a process's work for the history by the minute: summed up in memory, written about once a second.

They are written apart from the work's own transaction. A crash loses the last second of them, and no lead.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.leads.submission import AcceptedSubmission
from shared.operations.histogram import add_duration, empty_histogram, merge_histograms
from shared.operations.lane_names import WHOLE_INSTALLATION, LaneName
from shared.platform.db.connections import ASYNC_COMMIT, as_json

IDLE_ACTIVITY = "idle"
MINUTE_MS = 60_000
# Counts are added to the current minute, by the database's clock; submissions of a source to the minute in which they
# were received. Sorted, so that two processes do not wait for each other in a circle.
FLUSH_STATISTICS_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
), minutes AS (
    INSERT INTO minute_statistics AS m (workspace_id, step, at, duplicates, verdict_ms)
    SELECT w, 60, date_trunc('minute', clock_timestamp()), n, ms
    FROM quick, json_to_recordset(%(minutes)s::json) AS r(w bigint, n bigint, ms bigint[]) ORDER BY w
    ON CONFLICT (workspace_id, step, at) DO UPDATE
    SET duplicates = m.duplicates + excluded.duplicates, verdict_ms = add_counts(m.verdict_ms, excluded.verdict_ms)
), lanes AS (
    INSERT INTO lane_statistics AS m (workspace_id, step, at, lane, out, waiting_ms, work_ms)
    SELECT w, 60, date_trunc('minute', clock_timestamp()), lane, n, waiting, work
    FROM json_to_recordset(%(lanes)s::json) AS r(w bigint, lane text, n bigint, waiting bigint[], work bigint[])
    ORDER BY w, lane
    ON CONFLICT (workspace_id, step, at, lane) DO UPDATE
    SET out = m.out + excluded.out, waiting_ms = add_counts(m.waiting_ms, excluded.waiting_ms),
        work_ms = add_counts(m.work_ms, excluded.work_ms)
), sources AS (
    INSERT INTO source_statistics AS m (workspace_id, channel, source, key_id, step, at, received, duplicates,
                                        last_received_at)
    SELECT w, channel, source, key, 60, to_timestamp(minute * 60), n, twice, to_timestamp(last / 1000.0)
    FROM json_to_recordset(%(sources)s::json) AS r(w bigint, channel text, source text, key bigint, minute bigint,
                                                   n bigint, twice bigint, last bigint)
    ORDER BY w, channel, source, key, minute
    ON CONFLICT (workspace_id, channel, source, key_id, step, at) DO UPDATE
    SET received = m.received + excluded.received, duplicates = m.duplicates + excluded.duplicates,
        last_received_at = greatest(m.last_received_at, excluded.last_received_at)
)
SELECT
"""

# Workspace id, channel, source, id of the API key or 0, minutes since the epoch.
SourceMinute = tuple[int, str, str, int, int]


@dataclass(slots=True)
class LaneFigures:
    """The work of a lane: how much left it, and histograms of the milliseconds that it waited and took."""

    out: int = 0
    waiting: list[int] = field(default_factory=empty_histogram)
    work: list[int] = field(default_factory=empty_histogram)


@dataclass(slots=True)
class DecidedFigures:
    """The decided submissions of a workspace: duplicates, and a histogram of the milliseconds until the decision."""

    duplicates: int = 0
    verdict: list[int] = field(default_factory=empty_histogram)


class FigureSet:
    """The figures since the last flush."""

    def __init__(self) -> None:
        self.decided: defaultdict[int, DecidedFigures] = defaultdict(DecidedFigures)
        self.lanes: defaultdict[tuple[int, LaneName], LaneFigures] = defaultdict(LaneFigures)
        # Submissions, duplicates among them, and when the last one came (milliseconds).
        self.sources: dict[SourceMinute, tuple[int, int, int]] = {}

    def add_all(self, other: "FigureSet") -> None:
        """Add the figures of another set."""
        for workspace_id, decided in other.decided.items():
            mine = self.decided[workspace_id]
            mine.duplicates += decided.duplicates
            mine.verdict = merge_histograms((mine.verdict, decided.verdict))
        for key, lane in other.lanes.items():
            own = self.lanes[key]
            own.out += lane.out
            own.waiting = merge_histograms((own.waiting, lane.waiting))
            own.work = merge_histograms((own.work, lane.work))
        for source, counts in other.sources.items():
            self.add_source(source, *counts)

    def add_source(self, source: SourceMinute, count: int, duplicates: int, last: int) -> None:
        """Count submissions of a source, the last of them received at `last` (milliseconds)."""
        known = self.sources.get(source)
        if known:
            count, duplicates, last = known[0] + count, known[1] + duplicates, max(known[2], last)
        self.sources[source] = (count, duplicates, last)

    def as_arguments(self) -> dict[str, str]:
        """Return the arguments of `FLUSH_STATISTICS_SQL`."""
        minutes = [{"w": w, "n": one.duplicates, "ms": one.verdict} for w, one in self.decided.items()]
        lanes = [
            {"w": key[0], "lane": key[1], "n": one.out, "waiting": one.waiting, "work": one.work}
            for key, one in self.lanes.items()
        ]
        names = ("w", "channel", "source", "key", "minute", "n", "twice", "last")
        sources = [dict(zip(names, (*key, *value), strict=True)) for key, value in self.sources.items()]
        return {"minutes": as_json(minutes), "lanes": as_json(lanes), "sources": as_json(sources)}


class WorkStatistics:
    """The figures of one process. Its threads share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures = FigureSet()
        self._work_by_lane: defaultdict[str, int] = defaultdict(int)  # since the last report

    def record_ingest(
        self, lane: LaneName, decided: Iterable[tuple[AcceptedSubmission, bool]], row_count: int, seconds: float
    ) -> None:
        """Record a committed batch: its decided submissions with whether they are duplicates, and its duration."""
        now, work_ms = time.time() * 1000, seconds * 1000
        with self._lock:
            figures = self._figures.lanes[WHOLE_INSTALLATION, lane]
            figures.out += row_count
            add_duration(figures.work, work_ms, row_count)
            for submission, is_duplicate in decided:
                self._record_decided(submission, is_duplicate, now, is_live=lane != "bulk")
                add_duration(figures.waiting, now - work_ms - submission.waits_since)
            self._work_by_lane[lane] += row_count

    def _record_decided(self, submission: AcceptedSubmission, is_duplicate: bool, now: float, *, is_live: bool) -> None:
        decided = self._figures.decided[submission.workspace_id]
        decided.duplicates += is_duplicate
        add_duration(decided.verdict, now - submission.waits_since)
        if is_live:  # replays and imports say nothing about their source
            minute = submission.received_at // MINUTE_MS
            source = (
                submission.workspace_id,
                submission.channel,
                submission.source or "",
                submission.key_id or 0,
                minute,
            )
            # A bool is no number in JSON.
            self._figures.add_source(source, 1, int(is_duplicate), submission.received_at)

    def record_work(self, lane: LaneName, workspace_id: int, waited_ms: float | None, work_ms: float) -> None:
        """Record one piece of work of automations or deliveries. `waited_ms` is None if it is not known."""
        with self._lock:
            for owner in (WHOLE_INSTALLATION, workspace_id):
                figures = self._figures.lanes[owner, lane]
                figures.out += 1
                add_duration(figures.work, work_ms)
                if waited_ms is not None:
                    add_duration(figures.waiting, waited_ms)
            self._work_by_lane[lane] += 1

    def take_figures(self) -> FigureSet | None:
        """Return the figures since the last call, or None if there are none."""
        with self._lock:
            figures, self._figures = self._figures, FigureSet()
        return figures if figures.decided or figures.lanes or figures.sources else None

    def give_back(self, figures: FigureSet) -> None:
        """Keep figures that could not be written, for the next time."""
        with self._lock:
            self._figures.add_all(figures)

    def take_activity(self) -> str:
        """Return the lane that was served most since the last call, or `idle`."""
        with self._lock:
            work, self._work_by_lane = self._work_by_lane, defaultdict(int)
        return max(work, key=lambda lane: work[lane], default=IDLE_ACTIVITY)
