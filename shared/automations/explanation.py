"""Say why an automation ran for a lead, or why it did not: its trigger, its conditions, its limits and its runs.

Nothing is stored for this. The answer comes from the lead's timeline, the runs that are kept, and the automation as it
is saved now. Where what stood then is not known any more, the answer says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.automations.action_handlers import LeadDict
from shared.automations.event_limits import EventLimit, judge_limits
from shared.automations.explained_conditions import ExplainedComparison, explain_conditions
from shared.automations.explanation_evidence import ExplanationEvidence
from shared.automations.explanation_reads import ExplainedAutomation, StoredRun
from shared.automations.past_lead import LeadEntry
from shared.automations.trigger_match import TriggerAnswer, answer_trigger
from shared.leads.lead_events import event_facts

MAX_EVENT_CHOICES = 20


@dataclass(frozen=True)
class LeadEvent:
    """An entry of a lead's timeline that automations hear of, and the facts it consists of."""

    id: int
    type: str
    at: datetime
    facts: list[str]
    data: Mapping[str, Any]


@dataclass(frozen=True)
class WhyReason:
    """The answer in one sentence: the name of the sentence, and the values that fill it in."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation:
    """Why an automation ran for a lead because of an event, or did not.

    `event` is None if nothing is kept of the lead that automations hear of. `run` is the one that the event started.
    """

    automation: ExplainedAutomation
    version_now: int
    lead: LeadDict
    event: LeadEvent | None
    events: list[LeadEvent]
    ran: bool
    reason: WhyReason
    trigger: TriggerAnswer
    conditions: list[ExplainedComparison]
    false_step: int | None
    limits: list[EventLimit]
    run: StoredRun | None
    runs: list[StoredRun]


def judge_evidence(evidence: ExplanationEvidence) -> Explanation:
    """Return the explanation. It compares up to some thousand values: call it in a bounded thread."""
    automation, entry = evidence.automation, evidence.entry
    facts = event_facts(entry.type, entry.data) if entry else []
    trigger = answer_trigger(automation.trigger, facts) if entry else _answer_without_event(automation.trigger)
    run = evidence.run or _run_of_other_kind(evidence, trigger)
    limits = judge_limits(automation, evidence.version_now, entry, run, evidence.obstacles, evidence.lane)
    conditions, false_step = explain_conditions(evidence, run)
    ran, reason = _judge(evidence, trigger, limits, run, false_step)
    return Explanation(
        automation,
        evidence.version_now,
        evidence.lead,
        as_lead_event(entry) if entry else None,
        [as_lead_event(each) for each in evidence.entries if event_facts(each.type, each.data)][:MAX_EVENT_CHOICES],
        ran,
        reason,
        trigger,
        conditions,
        false_step,
        limits,
        run,
        evidence.runs,
    )


def _answer_without_event(trigger: Mapping[str, Any]) -> TriggerAnswer:
    answer = answer_trigger(trigger, [])
    return TriggerAnswer(False, "no_event") if answer.code == "other_event" else answer


def _run_of_other_kind(evidence: ExplanationEvidence, trigger: TriggerAnswer) -> StoredRun | None:
    """Return the last run of an automation that no event starts: one by hand, or after a time without activity."""
    if trigger.code not in ("only_by_hand", "only_by_inactivity"):
        return None
    return next(iter(evidence.runs), None)


def as_lead_event(entry: LeadEntry) -> LeadEvent:
    """Return an entry of a timeline with the facts that automations hear of."""
    facts = event_facts(entry.type, entry.data)
    return LeadEvent(entry.id, entry.type, entry.at, [fact.type for fact in facts], entry.data)


def _judge(
    evidence: ExplanationEvidence,
    trigger: TriggerAnswer,
    limits: Sequence[EventLimit],
    run: StoredRun | None,
    false_step: int | None,
) -> tuple[bool, WhyReason]:
    if run is not None:
        return _judge_run(run, evidence, false_step)
    if trigger.code == "only_by_inactivity" and evidence.timer_due_at:
        return False, WhyReason("timer_runs", {"due_at": evidence.timer_due_at})
    if not trigger.matched:
        return False, WhyReason(trigger.code, trigger.values)
    failed = next((limit for limit in limits if not limit.passed), None)
    if failed:
        return False, WhyReason(failed.code, failed.values)
    return False, WhyReason("no_run_kept")


def _judge_run(run: StoredRun, evidence: ExplanationEvidence, false_step: int | None) -> tuple[bool, WhyReason]:
    acted = any(outcome["type"] != "condition" for outcome in run.steps)
    failed = next((outcome for outcome in run.steps if outcome["outcome"] == "failed"), None)
    ended = next((outcome["step"] for outcome in run.steps if outcome["outcome"] == "ended"), None)
    if run.state == "stopped":
        return acted, WhyReason("stopped", {"error": run.error})
    if ended is not None and not acted:
        return False, WhyReason("condition_false", {"step": ended})
    if failed:
        return True, WhyReason("step_failed", {"step": failed["step"], "error": failed["reason"]})
    if run.state == "failed":
        return acted, WhyReason("run_failed", {"error": run.error})
    if run.state == "waiting" and not run.steps:
        code = "lane_paused" if evidence.lane else "run_waits"
        return False, WhyReason(code, {"reason": evidence.lane.reason} if evidence.lane else {})
    if run.state == "waiting":
        return True, WhyReason("ran_waits", {"due_at": run.due_at})
    if ended is not None:
        return True, WhyReason("ran_ended", {"step": ended})
    return True, WhyReason("ran")
