"""The parts of an overview. None stands for what is unknown, such as while PostgreSQL is away. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.operations.forecast import Forecast

SpoolState = Literal["empty", "holding", "away"]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The ledger. `unaccounted` is what is missing from the sum, over the whole installation; it must be 0.

    `age_s` is 0 for the present ledger, and otherwise tells for how many seconds PostgreSQL has not answered.
    """

    accepted: int
    pending: int
    done: int
    dead: int
    quarantined: int
    spooled: int | None
    unaccounted: int
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoreState:
    """Round trips in ms, the spool, and the share of the data dir's disk that is in use (local installations).

    `spooled` and `spool_oldest_s` are the workspace's own, though others' submissions may wait before its first.
    """

    database_ms: float | None = None
    redis_ms: float | None = None
    spool_state: SpoolState = "away"
    spooled: int | None = None
    spool_oldest_s: float | None = None
    disk_used: float | None = None


@dataclass(frozen=True, slots=True)
class PauseState:
    """The pause of a lane, obeyed by `acknowledged` of `processes` live workers and sweepers."""

    reason: str
    paused_by: dict[str, Any]
    since: datetime
    until: datetime | None
    acknowledged: int
    processes: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane: due work and the age of the oldest, rates a second, percentiles in ms over the last five minutes.

    A workspace sees only the pause of the installation's lanes; the figures are None.
    """

    name: str
    depth: int | None = None
    oldest_s: float | None = None
    in_per_s: float | None = None
    out_per_s: float | None = None
    waiting_ms: dict[str, float | None] = field(default_factory=dict)
    work_ms: dict[str, float | None] = field(default_factory=dict)
    forecast: Forecast | None = None
    pause: PauseState | None = None


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A worker or sweeper. `activity` is the lane that it served most since its last heartbeat, or `idle`."""

    name: str
    kind: str
    started_at: datetime
    seen_at: datetime
    heartbeat_age_s: float
    is_alive: bool
    memory_bytes: int | None
    restarts: int
    activity: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source of leads. `sparkline` has the submissions of the last 24 hours by the hour, the current hour last."""

    workspace_id: int
    channel: str
    source: str | None
    last_received_at: datetime
    last_seen_s: float
    received_1h: int
    received_24h: int
    usual_interval_s: float | None
    sparkline: list[int]
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The work of a workspace, or of the whole installation, at a moment."""

    workspace_id: int
    read_at: datetime
    stores: StoreState
    ledger: LedgerState | None = None
    oldest_waiting_s: float | None = None
    lanes: list[LaneState] = field(default_factory=list)
    workers: list[ProcessState] | None = None
    sources: list[SourceState] | None = None
    dead_last_hour: int | None = None
    deliveries_failed: int | None = None
