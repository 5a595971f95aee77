"""How a workspace's work stands, as it is shown."""

from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from shared.platform.validation.types import QueryCount, RequiredName, UtcTime


class LedgerRecord(TypedDict):
    """Submissions: accepted = done + pending + dead + quarantined + spooled. `spooled` is null if the spool is down."""

    accepted: int
    pending: int
    done: int
    dead: int
    quarantined: int
    spooled: int | None


class QueueRecord(TypedDict):
    """How much waits to be ingested, to be processed by automations and webhooks, or to be sent."""

    name: Literal["ingest", "events", "deliveries"]
    waiting: int


class ProcessRecord(TypedDict):
    """A process, which serves all workspaces. It is not alive if it has not reported for ten seconds.

    `name` is its kind and a number, such as `worker 1`; only operators see the names of machines.
    """

    name: str
    kind: str
    started_at: datetime
    seen_at: datetime
    is_alive: bool
    memory_bytes: int | None
    restarts: int
    activity: str


class PauseFields(TypedDict, total=False):
    reason: RequiredName
    until: UtcTime | None


class HistoryQuery(TypedDict, total=False):
    minutes: QueryCount


class PauseActorRecord(TypedDict):
    """The key, user or operator that paused a lane."""

    kind: Literal["key", "user", "operator"]
    id: int
    name: str


class LanePauseInfo(TypedDict):
    """A pause. `acknowledged` of `processes` live workers and sweepers obey it: then it holds.

    The installation's lanes show neither the reason nor the person.
    """

    reason: str | None
    paused_by: PauseActorRecord | None
    since: datetime
    until: datetime | None
    acknowledged: int
    processes: int


class PercentilesRecord(TypedDict):
    """Milliseconds that half, 95 % and 99 % of the work did not exceed; null without work."""

    p50: float | None
    p95: float | None
    p99: float | None


class ForecastRecord(TypedDict):
    """The future of a backlog: `clears` in so many `seconds`, or `growing` by `rate` a second and not draining."""

    state: Literal["empty", "clears", "stalled", "growing", "unknown"]
    seconds: float | None
    rate: float | None


class LaneRecord(TypedDict):
    """A lane: due work, the age of the oldest, rates, and percentiles over the last five minutes.

    The figures of `waited_for`, `prompt` and `bulk` are null: these lanes serve all workspaces.
    """

    name: Literal["waited_for", "prompt", "bulk", "automations", "deliveries"]
    is_paused: bool
    pause: LanePauseInfo | None
    depth: int | None
    oldest_s: float | None
    in_per_s: float | None
    out_per_s: float | None
    waiting_ms: PercentilesRecord | None
    work_ms: PercentilesRecord | None
    forecast: ForecastRecord | None


class LaneHistoryRecord(TypedDict):
    """A lane in one step: due work and its oldest at the end, what came and went, percentiles. Null is unknown."""

    name: Literal["automations", "deliveries"]
    depth: int | None
    oldest_s: float | None
    entered: int | None
    out: int
    waiting_ms: PercentilesRecord
    work_ms: PercentilesRecord


class HistoryPointRecord(TypedDict):
    """Submissions of one step, and the time from received to decided."""

    at: datetime
    accepted: int
    done: int
    dead: int
    quarantined: int
    duplicates: int
    verdict_ms: PercentilesRecord
    lanes: list[LaneHistoryRecord]


class HistoryRecord(TypedDict):
    """Points of `step_s` seconds each, the present one last."""

    step_s: int
    points: list[HistoryPointRecord]


class DeadLettersRecord(TypedDict):
    """What failed for good or is held back, until somebody processes it again."""

    submissions: int
    quarantined: int
    deliveries: int


class OperationsRecord(TypedDict):
    ledger: LedgerRecord
    oldest_waiting_s: float
    queues: list[QueueRecord]
    workers: list[ProcessRecord]
    dead_letters: DeadLettersRecord
    lanes: list[LaneRecord]
