"""Try an automation on a lead, or on the last events of a workspace: what each step would do, and nothing done.

All steps are taken on values, on the leads as they are now. Delays are passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.automations.action_handlers import LeadDict, StepReport, WorkspaceContext, next_turn
from shared.automations.condition_trace import TracedComparison, trace_condition
from shared.automations.explanation_evidence import read_answering_lead
from shared.automations.explanation_reads import ExplainedAutomation
from shared.automations.past_lead import LeadEntry
from shared.automations.recent_events import read_recent_events
from shared.automations.rendering_budget import BudgetExhausted, RenderingBudget, SharedBudget
from shared.automations.step_runner import run_steps
from shared.automations.trigger_match import EVENT_BY_TRIGGER, TriggerAnswer, answer_trigger
from shared.automations.workspace_context import load_contexts
from shared.leads.apply_batch import WITHOUT_AUTOMATIONS
from shared.leads.lead_events import event_facts
from shared.leads.lead_records import read_leads
from shared.platform.db.connections import Connection

MAX_TRIAL_EVENTS = 50
MAX_TRIAL_SECONDS, MAX_TRIAL_CHARS = 1.5, 5_000_000  # processor time and characters of all texts of a trial

ROUND_ROBIN_SQL = "SELECT step, n FROM round_robin_counters WHERE workspace_id = %s AND automation_id = %s"

TrialOutcome = Literal["would_run", "would_stop", "not_started"]


@dataclass(frozen=True)
class TrialCase:
    """A lead to try on, and the event that would start the automation; None to pass the trigger over."""

    lead: LeadDict
    entry: LeadEntry | None


@dataclass(frozen=True)
class TrialPlan:
    """What a trial needs, read from the database."""

    automation: ExplainedAutomation
    cases: list[TrialCase]
    context: WorkspaceContext | None
    turns: Mapping[int, int]


@dataclass(frozen=True)
class TriedCase:
    """What would become of one lead.

    `ended_step` is the step whose condition is false, `false_comparisons` are those of it that do not hold. `answer`
    says why the automation would not start.
    """

    case: TrialCase
    outcome: TrialOutcome
    steps: list[StepReport] = field(default_factory=list)
    ended_step: int | None = None
    false_comparisons: list[TracedComparison] = field(default_factory=list)
    answer: TriggerAnswer | None = None


@dataclass(frozen=True)
class Trial:
    """The cases that were tried, newest first, and how many were left out because the texts took too long."""

    tried: list[TriedCase]
    left_out: int

    def count(self, outcome: TrialOutcome) -> int:
        """Return how many cases have an outcome."""
        return sum(one.outcome == outcome for one in self.tried)


async def plan_lead_trial(
    connection: Connection, workspace_id: int, automation: ExplainedAutomation, lead_id: int
) -> TrialPlan:
    """Return a trial on one lead, whatever the trigger. Raises ValidationFailed if there is no such lead."""
    lead = await read_answering_lead(connection, workspace_id, lead_id)
    return await _plan(connection, workspace_id, automation, [TrialCase(lead, None)])


async def plan_event_trial(
    connection: Connection, workspace_id: int, automation: ExplainedAutomation, most: int
) -> TrialPlan:
    """Return a trial on the last events that are of the kind that the trigger waits for."""
    most = min(most, MAX_TRIAL_EVENTS)
    events = await read_recent_events(connection, workspace_id, automation.trigger, most)
    leads = await read_leads(connection, list({(workspace_id, event.lead_id) for event in events}))
    there = [event for event in events if (workspace_id, event.lead_id) in leads]
    cases = [TrialCase(leads[workspace_id, event.lead_id], event.entry) for event in there]
    return await _plan(connection, workspace_id, automation, cases)


def run_trial(plan: TrialPlan) -> Trial:
    """Take the steps for each case. It takes up to some seconds of processor time: call it in a bounded thread."""
    budget, tried = SharedBudget(MAX_TRIAL_SECONDS, MAX_TRIAL_CHARS), list[TriedCase]()
    for case in plan.cases:
        try:
            tried.append(_try_case(plan, case, budget))
        except BudgetExhausted:
            break
        if budget.is_exhausted:
            break
    return Trial(tried, len(plan.cases) - len(tried))


async def _plan(
    connection: Connection, workspace_id: int, automation: ExplainedAutomation, cases: list[TrialCase]
) -> TrialPlan:
    contexts = await load_contexts(connection, [(workspace_id, automation.steps, case.lead) for case in cases])
    rows = await (await connection.execute(ROUND_ROBIN_SQL, (workspace_id, automation.id))).fetchall()
    return TrialPlan(automation, cases, contexts.get(workspace_id), {row[0]: row[1] for row in rows})


def _try_case(plan: TrialPlan, case: TrialCase, budget: SharedBudget) -> TriedCase:
    answer = _answer_start(plan.automation, case.entry)
    if not answer.matched:
        return TriedCase(case, "not_started", answer=answer)
    context = plan.context
    assert context is not None  # noqa: S101  # there is one as soon as there is a case

    def take_turn(step: int, there: Sequence[bool]) -> int:
        return next_turn(plan.turns.get(step, 0), there)

    steps = plan.automation.steps
    walked = run_steps(steps, 0, case.lead, context, take_turn, budget=RenderingBudget(budget), over_delays=True)
    ended = next((outcome["step"] for outcome in walked.outcomes if outcome["outcome"] == "ended"), None)
    if ended is None:
        return TriedCase(case, "would_run", walked.outcomes)
    comparisons = [one for one in trace_condition(steps[ended]["condition"], walked.lead) if not one.held]
    return TriedCase(case, "would_stop", walked.outcomes, ended, comparisons)


def _answer_start(automation: ExplainedAutomation, entry: LeadEntry | None) -> TriggerAnswer:
    if entry is None or automation.trigger["type"] not in EVENT_BY_TRIGGER:
        return TriggerAnswer(True, "started")
    if WITHOUT_AUTOMATIONS in entry.data:
        return TriggerAnswer(False, "without_automations")
    if entry.is_by_automation(automation.id):
        return TriggerAnswer(False, "self_set_off")
    return answer_trigger(automation.trigger, event_facts(entry.type, entry.data))
