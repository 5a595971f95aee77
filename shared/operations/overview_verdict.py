"""The verdict on an overview: a list of what wants a look, each as a code with values; empty if all is well. Pure.

The pages turn codes into sentences. The most urgent come first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.operations.alarm_thresholds import MAX_DISK_USED_RATIO, MAX_STORE_MS, MAX_WAITING_SECONDS
from shared.operations.overview_types import Overview

ConcernCode = Literal[
    "unaccounted",
    "database_away",
    "redis_away",
    "spool_away",
    "no_worker_reports",
    "spooling",
    "leads_wait",
    "lane_will_not_drain",
    "lane_paused",
    "dead_letters_grow",
    "database_slow",
    "redis_slow",
    "disk_full",
    "source_silent",
]

SHOWN_SILENT_SOURCES = 20


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that wants a look."""

    code: ConcernCode
    values: dict[str, Any] = field(default_factory=dict)


def judge_overview(overview: Overview) -> list[Concern]:
    """Return what wants a look, the most urgent first; an empty list if all is well."""
    return [
        *_judge_ledger(overview),
        *_judge_stores(overview),
        *_judge_workers(overview),
        *_judge_lanes(overview),
        *_judge_dead_letters(overview),
        *_judge_speed(overview),
        *_judge_sources(overview),
    ]


def _judge_ledger(overview: Overview) -> Iterator[Concern]:
    if overview.ledger is not None and overview.ledger.unaccounted and overview.ledger.age_s == 0:
        yield Concern("unaccounted", {"submissions": overview.ledger.unaccounted})


def _judge_stores(overview: Overview) -> Iterator[Concern]:
    stores = overview.stores
    if stores.database_ms is None:
        yield Concern("database_away")
    if stores.redis_ms is None:
        yield Concern("redis_away")
    if stores.spool_state == "away":
        yield Concern("spool_away")


def _judge_workers(overview: Overview) -> Iterator[Concern]:
    if overview.workers is not None and not any(one.kind == "worker" and one.is_alive for one in overview.workers):
        ages = [one.heartbeat_age_s for one in overview.workers if one.kind == "worker"]
        yield Concern("no_worker_reports", {"seconds": min(ages, default=None)})
    if overview.stores.spooled:
        yield Concern("spooling", {"submissions": overview.stores.spooled, "seconds": overview.stores.spool_oldest_s})
    if overview.oldest_waiting_s is not None and overview.oldest_waiting_s > MAX_WAITING_SECONDS:
        yield Concern("leads_wait", {"seconds": overview.oldest_waiting_s})


def _judge_lanes(overview: Overview) -> Iterator[Concern]:
    for lane in overview.lanes:
        if lane.pause is None and lane.forecast is not None and lane.forecast.state in ("growing", "stalled"):
            values = {"lane": lane.name, "state": lane.forecast.state, "rate": lane.forecast.rate}
            yield Concern("lane_will_not_drain", values)
        if lane.pause is not None:
            yield Concern("lane_paused", {"lane": lane.name, "until": lane.pause.until, "waiting": lane.depth})


def _judge_dead_letters(overview: Overview) -> Iterator[Concern]:
    if overview.dead_last_hour:
        yield Concern("dead_letters_grow", {"submissions": overview.dead_last_hour})


def _judge_speed(overview: Overview) -> Iterator[Concern]:
    stores = overview.stores
    if stores.database_ms is not None and stores.database_ms > MAX_STORE_MS:
        yield Concern("database_slow", {"ms": stores.database_ms})
    if stores.redis_ms is not None and stores.redis_ms > MAX_STORE_MS:
        yield Concern("redis_slow", {"ms": stores.redis_ms})
    if stores.disk_used is not None and stores.disk_used > MAX_DISK_USED_RATIO:
        yield Concern("disk_full", {"share": stores.disk_used})


def _judge_sources(overview: Overview) -> Iterator[Concern]:
    silent = [source for source in overview.sources or () if source.is_silent]
    for source in silent[:SHOWN_SILENT_SOURCES]:
        values = {
            "workspace_id": source.workspace_id,
            "channel": source.channel,
            "source": source.source,
            "seconds": source.last_seen_s,
            "usual_interval_s": source.usual_interval_s,
        }
        yield Concern("source_silent", values)
