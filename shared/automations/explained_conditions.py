"""The comparisons that a run made, or would have made, with the values that they met. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.automations.action_handlers import WorkspaceContext
from shared.automations.condition_trace import TracedComparison, TracedCondition, trace_steps
from shared.automations.explanation_evidence import ExplanationEvidence
from shared.automations.explanation_reads import StoredRun
from shared.automations.past_lead import PastLead, lead_before


@dataclass(frozen=True)
class ExplainedComparison:
    """A comparison with the value that it met. `is_of_then`: the value is that of the run, and not of now."""

    step: int
    comparison: TracedComparison
    is_of_then: bool


def explain_conditions(
    evidence: ExplanationEvidence, run: StoredRun | None
) -> tuple[list[ExplainedComparison], int | None]:
    """Return the comparisons that were made, or would be made, and the step whose condition was false."""
    steps = run.plan if run and run.plan else evidence.automation.steps
    outcomes = run.steps if run and [_kind(step) for step in steps[: len(run.steps)]] == _kinds_of(run) else []
    segments = _segments(evidence, run, outcomes, len(steps))
    explained: list[ExplainedComparison] = []
    for start, end, leads in segments:
        traced, past = _best_trace(steps, start, end, leads, evidence.context, outcomes)
        for condition in traced:
            fits = not outcomes or condition.held == (outcomes[condition.step]["outcome"] == "passed")
            explained += [
                ExplainedComparison(condition.step, one, fits and past.knows(one.field))
                for one in condition.comparisons
            ]
            if not condition.held and fits:
                return explained, condition.step
    ended = next((outcome["step"] for outcome in outcomes if outcome["outcome"] == "ended"), None)
    return explained, ended


Segment = tuple[int, int, list[PastLead]]  # the first step, the one after the last, and the lead as it may have been


def _segments(
    evidence: ExplanationEvidence, run: StoredRun | None, outcomes: Sequence[Mapping[str, Any]], count: int
) -> list[Segment]:
    """Return the stretches of steps between delays. The lead may have changed during each delay."""
    if not outcomes or run is None:
        return [(0, count, [_lead_after(evidence, None)])]
    segments: list[Segment] = []
    start, leads = 0, [_lead_after(evidence, run.created_at), _lead_after(evidence, run.finished_at or run.created_at)]
    for outcome in outcomes:
        if outcome["type"] == "delay":
            segments.append((start, outcome["step"], leads))
            start = outcome["step"] + 1
            until = datetime.fromisoformat(outcome["data"]["until"])
            leads = [_lead_after(evidence, until), _lead_after(evidence, run.finished_at or until)]
    return [*segments, (start, len(outcomes), leads)]


def _lead_after(evidence: ExplanationEvidence, moment: datetime | None) -> PastLead:
    """Return the lead as it stood after the event, and after everything up to a moment."""
    entry = evidence.entry
    if entry is None or (not evidence.has_all_entries and entry not in evidence.entries):
        return PastLead(evidence.lead, knows_nothing=True)
    later = [each for each in evidence.entries if each.id > entry.id and (moment is None or each.at > moment)]
    return lead_before(evidence.lead, later)


def _best_trace(
    steps: Sequence[Mapping[str, Any]],
    start: int,
    end: int,
    leads: Sequence[PastLead],
    context: WorkspaceContext,
    outcomes: Sequence[Mapping[str, Any]],
) -> tuple[list[TracedCondition], PastLead]:
    """Return the trace that agrees with what the run noted, and the lead that it is of; otherwise the first one.

    Other automations may have changed the lead between the event and the run.
    """
    traces = [(trace_steps(steps, start, past.lead, context, end)[0], past) for past in leads]
    for traced, past in traces:
        if all(each.held == (outcomes[each.step]["outcome"] == "passed") for each in traced if outcomes):
            return traced, past
    traced, past = traces[0]
    return traced, replace(past, knows_nothing=True)


def _kind(step: Mapping[str, Any]) -> str:
    return str(step["action"]["type"]) if "action" in step else "delay" if "delay" in step else "condition"


def _kinds_of(run: StoredRun) -> list[str]:
    return [str(outcome["type"]) for outcome in run.steps]
