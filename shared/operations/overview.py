"""The overview: how the work of a workspace, or of the whole installation, stands now.

It costs a few indexed queries, so that it can be read once a second. With PostgreSQL away it still answers, with the
spool's figures, the last known ledger, and None for the rest.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis.asyncio as redis

from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.operations.forecast import DepthSample, forecast_backlog
from shared.operations.histogram import percentiles
from shared.operations.lane_depths import NO_DEPTH, read_lane_depths
from shared.operations.lane_names import JOURNAL_LANES, LANE_NAMES, WHOLE_INSTALLATION, LaneName
from shared.operations.lane_pauses import LanePauseRecord, read_pauses
from shared.operations.overview_types import (
    LaneState,
    LedgerState,
    Overview,
    PauseState,
    ProcessState,
    SourceState,
    StoreState,
)
from shared.operations.process_liveness import HAS_CONNECTION_SQL
from shared.operations.sources import read_sources
from shared.platform.db.connections import Connection, with_deadline
from shared.platform.db.database_errors import is_unavailable

STORE_DEADLINE_SECONDS = 2.0  # seconds after which a store counts as away
SOURCES_TTL_SECONDS = 10.0  # seconds for which the sources are remembered
MAX_REMEMBERED_WORKSPACES = 1000

Connect = Callable[[], AbstractAsyncContextManager[Connection]]

PROCESSES_SQL = f"""
SELECT name, kind, started_at, seen_at, round(extract(epoch FROM now() - seen_at), 1)::float8,
       seen_at > now() - interval '10 s' AND {HAS_CONNECTION_SQL}, memory_bytes, restarts, activity
FROM processes WHERE kind IN ('worker', 'sweeper') ORDER BY kind, name
"""
# The last steps of each lane: depths by their age for the forecast, and the work of the last five minutes.
RECENT_LANES_SQL = """
SELECT lane, coalesce(json_agg(json_build_array(extract(epoch FROM clock_timestamp() - sampled_at), depth))
                      FILTER (WHERE depth IS NOT NULL), '[]'),
       coalesce(sum(out) FILTER (WHERE at >= date_trunc('minute', clock_timestamp()) - interval '1 min'), 0)::bigint,
       sum_counts(waiting_ms), sum_counts(work_ms)
FROM lane_statistics
WHERE workspace_id = %(w)s AND step = 60 AND at >= date_trunc('minute', clock_timestamp()) - interval '6 min'
GROUP BY lane
"""
SAMPLED_SQL = """
SELECT extract(epoch FROM clock_timestamp() - sampled_at) FROM lane_statistics
WHERE workspace_id = 0 AND lane = 'deliveries' AND step = 60 AND sampled_at IS NOT NULL
  AND at >= date_trunc('minute', clock_timestamp()) - interval '6 min'
"""
FAILURES_SQL = """
SELECT coalesce(sum(dead), 0)::bigint, extract(epoch FROM clock_timestamp() - date_trunc('minute', clock_timestamp()))
FROM minute_statistics
WHERE step = 60 AND at >= clock_timestamp() - interval '1 h' AND (%(w)s = 0 OR workspace_id = %(w)s)
"""
FAILED_DELIVERIES_SQL = "SELECT count(*) FROM deliveries WHERE state = 'failed' AND workspace_id = %(w)s"


class OverviewReader:
    """Reads overviews. It remembers the last ledger of each workspace, and sources for some seconds.

    `connect` opens a connection to PostgreSQL for the length of a block. `redis_client` is that of rate limits, and
    `data_dir` the local data dir, each None where there is none.
    """

    def __init__(
        self, connect: Connect, spool: Spool, redis_client: "redis.Redis | None" = None, data_dir: Path | None = None
    ) -> None:
        self._connect = connect
        self._spool = spool
        self._redis = redis_client
        self._data_dir = data_dir
        self._ledgers: dict[int, tuple[float, LedgerState]] = {}
        self._sources: dict[int, tuple[float, list[SourceState]]] = {}

    async def read_overview(self, workspace_id: int = WHOLE_INSTALLATION) -> Overview:
        """Return the overview of a workspace, or of the whole installation. Raises nothing while stores are away."""
        stores = await self._read_stores(workspace_id)
        began = time.monotonic()
        try:
            return await with_deadline(STORE_DEADLINE_SECONDS, self._read_from_database(workspace_id, stores))
        except Exception as error:
            if not is_unavailable(error):
                raise
            ledger_state = self._last_ledger(workspace_id, began)
            oldest = stores.spool_oldest_s or None
            return Overview(workspace_id, datetime.now(UTC), stores, ledger_state, oldest)

    async def _read_from_database(self, workspace_id: int, stores: StoreState) -> Overview:
        async with self._connect() as connection:
            began = time.perf_counter()
            await connection.execute("SELECT 1")
            stores = replace(stores, database_ms=_milliseconds_since(began))
            spool = None if stores.spool_state == "away" else self._spool
            ledger_state, oldest = await read_ledger_state(connection, spool, workspace_id)
            self._remember_ledger(workspace_id, ledger_state)
            arguments = {"w": workspace_id}
            dead, *_ = await _only_row(connection, FAILURES_SQL, arguments)
            failed = None
            if workspace_id != WHOLE_INSTALLATION:  # there is no index over all workspaces
                (failed,) = await _only_row(connection, FAILED_DELIVERIES_SQL, arguments)
            return Overview(
                workspace_id,
                datetime.now(UTC),
                stores,
                ledger_state,
                oldest,
                await read_lanes(connection, workspace_id),
                await read_processes(connection),
                # Leads that wait for their provider are pending, and no worker is late with them: their age is 0.
                await self._read_sources(connection, workspace_id, ledger_state.pending if oldest else 0),
                max(dead, 0),
                failed,
            )

    async def _read_sources(self, connection: Connection, workspace_id: int, pending: int) -> list[SourceState]:
        """Return the sources. While submissions wait, none is silent: those that wait may be from it."""
        known = self._sources.get(workspace_id)
        if known is None or time.monotonic() - known[0] > SOURCES_TTL_SECONDS:
            known = time.monotonic(), await read_sources(connection, workspace_id)
            if len(self._sources) >= MAX_REMEMBERED_WORKSPACES:
                self._sources.clear()
            self._sources[workspace_id] = known
        return [replace(one, is_silent=False) for one in known[1]] if pending else known[1]

    async def _read_stores(self, workspace_id: int) -> StoreState:
        """Return the stores. A workspace hears of its own submissions alone."""
        disk = _disk_used(self._data_dir)
        redis_ms = await self._ping_redis()
        try:
            spooled = await with_deadline(STORE_DEADLINE_SECONDS, self._count_spooled(workspace_id))
            oldest = await with_deadline(STORE_DEADLINE_SECONDS, self._spool.oldest_waiting_s()) if spooled else 0.0
        except (redis.RedisError, OSError):
            return StoreState(redis_ms=redis_ms, disk_used=disk)
        state = StoreState(redis_ms=redis_ms, spooled=spooled, spool_oldest_s=round(oldest, 3), disk_used=disk)
        return replace(state, spool_state="holding" if spooled else "empty")

    async def _count_spooled(self, workspace_id: int) -> int:
        if workspace_id == WHOLE_INSTALLATION:
            return await self._spool.count_submissions()
        return await self._spool.count_workspace_submissions(workspace_id)

    async def _ping_redis(self) -> float | None:
        """Return the round trip to the Redis of rate limits in ms; without one of its own, to the spool's."""
        began = time.perf_counter()
        try:
            if self._redis is None:
                await with_deadline(STORE_DEADLINE_SECONDS, self._spool.count_submissions())
            else:
                await with_deadline(STORE_DEADLINE_SECONDS, self._redis.get("leadhub:ping"))
        except (redis.RedisError, OSError):
            return None
        return _milliseconds_since(began)

    def _remember_ledger(self, workspace_id: int, state: LedgerState) -> None:
        if len(self._ledgers) >= MAX_REMEMBERED_WORKSPACES:
            self._ledgers.clear()
        self._ledgers[workspace_id] = time.monotonic(), state

    def _last_ledger(self, workspace_id: int, now: float) -> LedgerState | None:
        if workspace_id not in self._ledgers:
            return None
        read_at, state = self._ledgers[workspace_id]
        return replace(state, age_s=round(max(now - read_at, 0.001), 3))


async def read_ledger_state(
    connection: Connection, spool: Spool | None, workspace_id: int
) -> tuple[LedgerState, float]:
    """Return the ledger, and the age of the oldest waiting submission in seconds (an upper bound for a workspace).

    Without a spool, its count is unknown. Raises redis.RedisError if the spool does not answer.
    """
    whole = await ledger.read_ledger(connection, spool)
    unaccounted = whole["accepted"] - sum(whole[name] for name in ("pending", "done", "dead", "quarantined", "spooled"))
    ledger_counts = whole
    if workspace_id != WHOLE_INSTALLATION:
        ledger_counts = await ledger.read_workspace_ledger(connection, spool, workspace_id)
    counts = {name: ledger_counts[name] for name in ("accepted", "pending", "done", "dead", "quarantined")}
    spooled = ledger_counts["spooled"] if spool else None
    state = LedgerState(**counts, spooled=spooled, unaccounted=unaccounted)
    return state, float(ledger_counts["oldest_waiting_s"])


async def read_lanes(connection: Connection, workspace_id: int) -> list[LaneState]:
    """Return all lanes. A workspace sees only the pauses of the installation's lanes, without reason and person."""
    depths = await read_lane_depths(connection, workspace_id)
    rows = await (await connection.execute(RECENT_LANES_SQL, {"w": workspace_id}, prepare=False)).fetchall()
    recent = {row[0]: row for row in rows}
    sampled = [float(row[0]) for row in await (await connection.execute(SAMPLED_SQL, prepare=False)).fetchall()]
    pauses = {(one.workspace_id, one.lane): one for one in await read_pauses(connection, workspace_id)}
    lanes = []
    for name in LANE_NAMES:
        is_ours = workspace_id == WHOLE_INSTALLATION or name not in JOURNAL_LANES
        owner = WHOLE_INSTALLATION if name in JOURNAL_LANES else workspace_id
        pause = _pause_state(pauses.get((owner, name)), is_shown=is_ours)
        if not is_ours:
            lanes.append(LaneState(name, pause=pause))
            continue
        lanes.append(_lane_state(name, *depths.get(name, NO_DEPTH), recent.get(name), sampled, pause))
    return lanes


async def read_processes(connection: Connection) -> list[ProcessState]:
    """Return the workers and sweepers, dead ones of the last day too."""
    rows = await (await connection.execute(PROCESSES_SQL.encode())).fetchall()
    return [ProcessState(*row) for row in rows]


def neutral_process_names(kinds: Iterable[str]) -> list[str]:
    """Return names such as `worker 1` for processes in this order. Real ones name machines."""
    numbers: Counter[str] = Counter()
    names = []
    for kind in kinds:
        numbers[kind] += 1
        names.append(f"{kind} {numbers[kind]}")
    return names


def _lane_state(
    name: LaneName, depth: int, oldest_s: float, recent: Any, sampled: list[float], pause: PauseState | None
) -> LaneState:
    """Return a lane's state. A sampled minute without a row of this workspace had no work."""
    _, known, out, waiting, work = recent or (name, [], 0, (), ())
    samples = [DepthSample(float(age), n) for age, n in known]
    if not any(sample.age >= 60 for sample in samples):
        samples += [DepthSample(age, 0) for age in sampled if age >= 60]
    out_per_s = out / (60 + time.time() % 60)
    forecast = forecast_backlog(depth, samples, out_per_s)
    rate = _growth(depth, samples)
    return LaneState(
        name,
        depth,
        oldest_s,
        None if rate is None else round(max(out_per_s + rate, 0.0), 2),
        round(out_per_s, 2),
        percentiles(waiting),
        percentiles(work),
        forecast,
        pause,
    )


def _growth(depth: int, samples: list[DepthSample]) -> float | None:
    """Return the growth a second over the last minute or two, None without a sample that old."""
    old = [sample for sample in samples if sample.age >= 60]
    since = min(old, key=lambda sample: sample.age, default=None)
    return None if since is None else (depth - since.depth) / since.age


def _pause_state(pause: LanePauseRecord | None, *, is_shown: bool) -> PauseState | None:
    if pause is None:
        return None
    reason, by = (pause.reason, pause.paused_by) if is_shown else ("", {})
    return PauseState(reason, by, pause.since, pause.until, pause.acknowledged, pause.processes)


def _disk_used(data_dir: Path | None) -> float | None:
    if data_dir is None:
        return None
    try:
        usage = shutil.disk_usage(data_dir)
    except OSError:
        return None
    return round(usage.used / usage.total, 4)


def _milliseconds_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)


async def _only_row(connection: Connection, statement: str, arguments: dict[str, int]) -> tuple[Any, ...]:
    row = await (await connection.execute(statement.encode(), arguments, prepare=False)).fetchone()
    assert row is not None  # noqa: S101  # an aggregate always has a row
    return row
