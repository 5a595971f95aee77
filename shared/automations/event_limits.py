"""What may keep an automation from running although its trigger fits: each limit, and whether it stood in the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.automations.explanation_reads import EventObstacles, ExplainedAutomation, StoredRun
from shared.automations.past_lead import LeadEntry
from shared.automations.run_limits import CHAIN_TOO_LONG_REASON, LOOP_LIMIT_REASON, SELF_TRIGGERED_REASON
from shared.leads.apply_batch import WITHOUT_AUTOMATIONS

LimitName = Literal["active", "age", "version", "told", "chain", "loop", "lane", "queue", "once"]


@dataclass(frozen=True)
class LaneStop:
    """The pause of the lane `automations` that holds now."""

    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class EventLimit:
    """A limit. `code` names the sentence that says how it stands, `values` fill it in."""

    name: LimitName
    passed: bool
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def judge_limits(
    automation: ExplainedAutomation,
    version_now: int,
    entry: LeadEntry | None,
    run: StoredRun | None,
    obstacles: EventObstacles,
    lane: LaneStop | None,
) -> list[EventLimit]:
    """Return all limits, in the order in which they explain that there is no run."""
    limits = [*_event_limits(automation, version_now, entry, run, obstacles), _lane_limit(run, obstacles, lane)]
    if entry is not None:
        limits.append(_queue_limit(obstacles))
    if run is not None:
        limits.append(EventLimit("once", True, "started_once", {"run_id": run.id}))
    return limits


def _event_limits(
    automation: ExplainedAutomation,
    version_now: int,
    entry: LeadEntry | None,
    run: StoredRun | None,
    obstacles: EventObstacles,
) -> list[EventLimit]:
    limits = [_age_limit(automation, entry)] if entry is not None and not run else []
    is_on = automation.is_active
    limits.append(EventLimit("active", is_on or run is not None, "is_on" if is_on else "is_off"))
    if entry is None:
        return limits
    versions = {"then": automation.version, "now": version_now}
    code = "same_version" if automation.version == version_now else "other_version"
    limits.append(EventLimit("version", True, code, versions))
    if WITHOUT_AUTOMATIONS in entry.data:
        limits.append(EventLimit("told", False, "without_automations"))
    error = run.error if run else None
    if error in (SELF_TRIGGERED_REASON, CHAIN_TOO_LONG_REASON):
        limits.append(
            EventLimit("chain", False, "self_set_off" if error == SELF_TRIGGERED_REASON else "chain_too_long")
        )
    else:
        limits.append(EventLimit("chain", True, "chain_short"))
    is_over = error == LOOP_LIMIT_REASON or (run is None and obstacles.hit_loop_limit and _is_chained(entry))
    limits.append(EventLimit("loop", not is_over, "loop_limit" if is_over else "loop_free"))
    return limits


def _age_limit(automation: ExplainedAutomation, entry: LeadEntry) -> EventLimit:
    if automation.created_at > entry.at:
        return EventLimit("age", False, "made_later", {"at": automation.created_at})
    if automation.published_at and automation.published_at > entry.at:
        return EventLimit("age", False, "published_later", {"at": automation.published_at})
    return EventLimit("age", True, "made_before", {"at": automation.published_at or automation.created_at})


def _is_chained(entry: LeadEntry) -> bool:
    return bool((entry.data.get("by") or {}).get("run"))


def _lane_limit(run: StoredRun | None, obstacles: EventObstacles, lane: LaneStop | None) -> EventLimit:
    if lane is None:
        return EventLimit("lane", True, "lane_open")
    holds = obstacles.is_queued or (run is not None and run.due_at is not None)
    return EventLimit("lane", not holds, "lane_paused", {"reason": lane.reason, "since": lane.since})


def _queue_limit(obstacles: EventObstacles) -> EventLimit:
    if obstacles.is_queued:
        return EventLimit("queue", False, "queued")
    return EventLimit("queue", True, "not_queued")
