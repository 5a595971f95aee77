"""Make the history by the minute of the demo's first leads from their times, as workers would have written it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.operations.histogram import add_duration, empty_histogram
from shared.operations.history import HALF_HOUR_SECONDS, MINUTE_SECONDS
from shared.operations.lane_names import LaneName
from shared.platform.db.connections import Connection, as_json

# Only what is read by the minute is kept by the minute; workers fold older minutes into half hours.
MINUTES_KEPT = timedelta(minutes=60)
HISTORY_KEPT, SOURCES_KEPT = timedelta(hours=48), timedelta(days=6, hours=12)
LANE: LaneName = "prompt"  # the lane that gets the figures of all the past
WORK_MS = 3.0  # a submission's share of its batch

# Nobody samples the ledger meanwhile: what the samples hold is in the history, once.
LOCK_SQL = "LOCK TABLE ledger_samples, minute_statistics, lane_statistics, source_statistics IN ACCESS EXCLUSIVE MODE"
SUBMISSIONS_SQL = """
SELECT received_at, processed_at, state, coalesce(is_duplicate, false), channel, coalesce(source, ''),
       coalesce(key_id, 0), clock_timestamp()
FROM submissions WHERE workspace_id = %(workspace)s AND processed_at IS NOT NULL ORDER BY received_at, id
"""
FORGET_SQL = (
    "DELETE FROM minute_statistics WHERE workspace_id = %(workspace)s",
    "DELETE FROM lane_statistics WHERE workspace_id = 0 AND lane = %(lane)s",
    "DELETE FROM source_statistics WHERE workspace_id = %(workspace)s",
    """
    INSERT INTO ledger_samples (workspace_id, state, n)
    SELECT workspace_id, state, sum(n)
    FROM (SELECT workspace_id, state, n FROM ledger UNION ALL SELECT workspace_id, state, n FROM ledger_deltas) counts
    WHERE workspace_id = %(workspace)s GROUP BY 1, 2
    ON CONFLICT (workspace_id, state) DO UPDATE SET n = excluded.n
    """,
)
INSERT_SQL = (
    """
    INSERT INTO minute_statistics (workspace_id, step, at, accepted, done, dead, quarantined, duplicates, verdict_ms)
    SELECT %(workspace)s, step, at, accepted, done, dead, quarantined, duplicates, verdict_ms
    FROM json_to_recordset(%(minutes)s::json) AS r(step int, at timestamptz, accepted bigint, done bigint, dead bigint,
                                                   quarantined bigint, duplicates bigint, verdict_ms bigint[])
    """,
    """
    INSERT INTO lane_statistics (workspace_id, step, at, lane, depth, oldest_s, sampled_at, out, waiting_ms, work_ms)
    SELECT 0, step, at, %(lane)s, depth, oldest_s, at + step * interval '1 s', out, waiting_ms, work_ms
    FROM json_to_recordset(%(lanes)s::json) AS r(step int, at timestamptz, depth bigint, oldest_s float, out bigint,
                                                 waiting_ms bigint[], work_ms bigint[])
    """,
    """
    INSERT INTO source_statistics (workspace_id, channel, source, key_id, step, at, received, duplicates,
                                   last_received_at)
    SELECT %(workspace)s, channel, source, key_id, step, at, received, duplicates, last_received_at
    FROM json_to_recordset(%(sources)s::json) AS r(channel text, source text, key_id bigint, step int, at timestamptz,
                                                   received bigint, duplicates bigint, last_received_at timestamptz)
    """,
)
CAUSES_SQL = (
    "DELETE FROM cause_counts WHERE workspace_id = %(workspace)s",
    """
    INSERT INTO cause_counts (workspace_id, cause_id, at, n)
    SELECT workspace_id, cause_id, date_bin('10 minutes', processed_at, 'epoch'), count(*) FROM submissions
    WHERE workspace_id = %(workspace)s AND state = 'dead' AND cause_id IS NOT NULL GROUP BY 1, 2, 3
    """,
    """
    UPDATE causes c SET first_seen_at = s.first_at, last_seen_at = s.last_at
    FROM (
        SELECT cause_id, min(processed_at) AS first_at, max(processed_at) AS last_at FROM submissions
        WHERE workspace_id = %(workspace)s AND state = 'dead' AND cause_id IS NOT NULL GROUP BY 1
    ) s WHERE c.workspace_id = %(workspace)s AND c.id = s.cause_id
    """,
)


@dataclass(frozen=True, slots=True)
class PastSubmission:
    """A decided submission: when it came and when it was decided, what became of it, and where it came from."""

    received_at: datetime
    processed_at: datetime
    state: str
    is_duplicate: bool
    channel: str
    source: str
    key_id: int


@dataclass(slots=True)
class StepFigures:
    """The figures of one minute or half hour."""

    accepted: int = 0
    duplicates: int = 0
    verdicts: dict[str, int] = field(default_factory=lambda: {"done": 0, "dead": 0, "quarantined": 0})
    histogram: list[int] = field(default_factory=empty_histogram)


StepKey = tuple[int, datetime]  # seconds, beginning


async def rewrite_history(connection: Connection, workspace: int) -> None:
    """Put the history of a workspace's submissions in place of what was sampled, in the caller's transaction."""
    await connection.execute(LOCK_SQL)
    rows = await (await connection.execute(SUBMISSIONS_SQL, {"workspace": workspace})).fetchall()
    past = [PastSubmission(*row[:7]) for row in rows]
    now = rows[-1][7] if rows else datetime.now(UTC)
    figures = {
        "minutes": as_json(list(minute_rows(past, now))),
        "lanes": as_json(list(lane_rows(past, now))),
        "sources": as_json(list(source_rows(past, now))),
    }
    for statement in (*FORGET_SQL, *INSERT_SQL, *CAUSES_SQL):
        await connection.execute(statement, {"workspace": workspace, "lane": LANE, **figures})


def step_of(at: datetime, now: datetime) -> StepKey:
    """Return the step of the history that a time belongs to: a minute, or half an hour for older times."""
    is_old = at < floor_time(now, HALF_HOUR_SECONDS) - MINUTES_KEPT
    seconds = HALF_HOUR_SECONDS if is_old else MINUTE_SECONDS
    return seconds, floor_time(at, seconds)


def floor_time(at: datetime, seconds: int) -> datetime:
    """Return the beginning of the step of so many seconds that a time lies in."""
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def minute_rows(past: Iterable[PastSubmission], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of `minute_statistics`."""
    steps: defaultdict[StepKey, StepFigures] = defaultdict(StepFigures)
    for submission in past:
        steps[step_of(submission.received_at, now)].accepted += 1
        decided = steps[step_of(submission.processed_at, now)]
        decided.verdicts[submission.state] = decided.verdicts.get(submission.state, 0) + 1
        decided.duplicates += submission.is_duplicate
        add_duration(decided.histogram, (submission.processed_at - submission.received_at).total_seconds() * 1000)
    for (seconds, at), figures in steps.items():
        if at >= now - HISTORY_KEPT:
            verdicts = {name: figures.verdicts[name] for name in ("done", "dead", "quarantined")}
            counts = {"accepted": figures.accepted, "duplicates": figures.duplicates, **verdicts}
            yield {"step": seconds, "at": at.isoformat(), **counts, "verdict_ms": figures.histogram}


def lane_rows(past: Iterable[PastSubmission], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of `lane_statistics` for the lane of what is posted: depths at the end of each step."""
    recent = [submission for submission in past if submission.processed_at >= now - HISTORY_KEPT]
    out: defaultdict[StepKey, list[PastSubmission]] = defaultdict(list)
    for submission in recent:
        out[step_of(submission.processed_at, now)].append(submission)
        out.setdefault(step_of(submission.received_at, now), [])
    for (seconds, at), decided in out.items():
        end = at + timedelta(seconds=seconds)
        waiting = [
            submission.received_at for submission in recent if submission.received_at < end <= submission.processed_at
        ]
        waited, worked = empty_histogram(), empty_histogram()
        for submission in decided:
            add_duration(waited, (submission.processed_at - submission.received_at).total_seconds() * 1000)
        add_duration(worked, WORK_MS, len(decided))
        oldest = (end - min(waiting)).total_seconds() if waiting else 0.0
        depth = {"depth": len(waiting), "oldest_s": oldest, "out": len(decided)}
        yield {"step": seconds, "at": at.isoformat(), **depth, "waiting_ms": waited, "work_ms": worked}


def source_rows(past: Iterable[PastSubmission], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of `source_statistics`."""
    steps: dict[tuple[str, str, int, StepKey], dict[str, Any]] = {}
    for submission in past:
        if submission.received_at >= now - SOURCES_KEPT:
            key = (submission.channel, submission.source, submission.key_id, step_of(submission.received_at, now))
            counts = steps.setdefault(key, {"received": 0, "duplicates": 0})
            counts["received"] += 1
            counts["duplicates"] += submission.is_duplicate
            counts["last_received_at"] = submission.received_at.isoformat()
    for (channel, source, key_id, (seconds, at)), counts in steps.items():
        yield {"channel": channel, "source": source, "key_id": key_id, "step": seconds, "at": at.isoformat(), **counts}
