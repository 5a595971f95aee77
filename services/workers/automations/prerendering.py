"""Render the templates of runs before their leads are locked, so that nobody waits for a lead meanwhile.

The steps of a run are taken with the lead as it is at that moment. Under the lock the result is used if the lead is
still the same. Otherwise the steps are taken again, with less time for templates. A run that finds no time left in a
round stays due and is taken in the next round.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from services.workers.automations.event_subscribers import MatchedEvents, WorkspaceRules
from services.workers.automations.round_robin import RoundRobinCounters, StepKey
from services.workers.automations.scoring import predict_scores
from services.workers.automations.types import ActiveRun
from shared.automations.action_handlers import LeadDict, StepRun, WorkspaceContext
from shared.automations.rendering_budget import BudgetExhausted, RenderingBudget, SharedBudget
from shared.automations.step_runner import run_steps
from shared.automations.workspace_context import load_contexts
from shared.leads.lead_records import read_leads
from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection

ACTIONS_WITH_TEMPLATES = frozenset(("send_email", "send_sms", "notify_slack", "notify_users", "create_task"))

# Processor time for the templates of one workspace in one round of an engine, before and while leads are locked. The
# first is more than one run may take, so that each round finishes a run or compiles templates for the next round.
PRERENDER_SECONDS, LOCKED_RENDER_SECONDS = 0.075, 0.02
MAX_CHARS_PER_ROUND = 4_000_000  # rendered for one workspace in one round; beyond that no further run begins
FIRST_CHUNK_SIZE = (
    10  # runs whose leads are read first; each further read doubles it, as leads may be large and time may run out
)

LeadsByKey = dict[LeadKey, LeadDict]


class WorkspaceBudgets:
    """The rendering budgets of workspaces in one round, and the runs deferred to the next round."""

    def __init__(self, resting: Iterable[int] = ()) -> None:
        self.before_locks: defaultdict[int, SharedBudget] = defaultdict(
            lambda: SharedBudget(PRERENDER_SECONDS, MAX_CHARS_PER_ROUND)
        )
        self.before_locks |= {workspace_id: SharedBudget(0.0) for workspace_id in resting}
        self.under_locks: defaultdict[int, SharedBudget] = defaultdict(lambda: SharedBudget(LOCKED_RENDER_SECONDS))
        self.deferred_run_ids: set[int] = set()

    def exhausted_workspaces(self) -> set[int]:
        """Return the workspaces that have used up their budget."""
        return {workspace_id for workspace_id, purse in self.before_locks.items() if purse.is_exhausted}


class PrerenderedRun(NamedTuple):
    """A run whose steps were taken before its lead was locked.

    Holds the lead that the steps started from, and the round-robin turns that they used.
    """

    lead_before: LeadDict
    step_run: StepRun
    turns_taken: list[tuple[StepKey, Sequence[bool], int]]


@dataclass(slots=True)
class PrerenderedRuns:
    """The prerendered runs of a batch.

    If a run is deferred, all later runs of its lead are deferred too, so that their order is kept.
    """

    budgets: WorkspaceBudgets
    by_run_id: dict[int, PrerenderedRun] = field(default_factory=dict)
    deferred_leads: set[LeadKey] = field(default_factory=set)  # leads with deferred runs
    late_leads: set[LeadKey] = field(default_factory=set)  # leads whose runs found no time left under the lock

    def reuse_if_unchanged(self, run: ActiveRun, lead: LeadDict, turns: RoundRobinCounters) -> StepRun | None:
        """Return the prerendered steps if they would give the same result now, otherwise None."""
        plan = self.by_run_id.get(run.id)
        stands = plan is not None and plan.lead_before == lead and turns.take_again(plan.turns_taken)
        return plan.step_run if plan and stands else None

    def is_deferred(self, run: ActiveRun) -> bool:
        """Return whether a run waits for the next round; defer it if its workspace has no budget left."""
        if _has_templates(run) and self.budgets.before_locks[run.workspace_id].is_exhausted:
            self.defer_run(run)
        return run.lead_key in self.deferred_leads

    def defer_run(self, run: ActiveRun) -> None:
        self.deferred_leads.add(run.lead_key)


async def prerender_runs(
    connection: Connection,
    runs: Sequence[ActiveRun],
    matched: MatchedEvents,
    rules: Mapping[int, WorkspaceRules],
    purses: WorkspaceBudgets,
) -> PrerenderedRuns:
    """Take the steps of runs with templates, and of all other runs of the same leads."""
    plans, leads = PrerenderedRuns(purses), LeadsByKey()
    concerned = {run.lead_key for run in runs if _has_templates(run)}
    remaining = [run for run in runs if run.lead_key in concerned and not run.stopped]
    turns = await RoundRobinCounters.read_unlocked(connection, remaining)
    size = FIRST_CHUNK_SIZE
    while remaining := [run for run in remaining if not plans.is_deferred(run)]:
        part, remaining = remaining[:size], remaining[size:]
        await _read_with_scores(connection, {run.lead_key for run in part} - leads.keys(), leads, matched, rules)
        part = [run for run in part if run.lead_key in leads]
        scenes = await load_contexts(connection, [(run.workspace_id, run.steps, leads[run.lead_key]) for run in part])
        for run in part:
            if not plans.is_deferred(run):
                _prerender_run(run, leads, scenes[run.workspace_id], turns, plans)
        size *= 2
    return plans


def _has_templates(run: ActiveRun) -> bool:
    return any(
        "action" in step and step["action"]["type"] in ACTIONS_WITH_TEMPLATES for step in run.steps[run.step_index :]
    )


async def _read_with_scores(
    connection: Connection,
    keys: Iterable[LeadKey],
    leads: LeadsByKey,
    matched: MatchedEvents,
    rules: Mapping[int, WorkspaceRules],
) -> None:
    """Add leads to `leads`, with the scores that the rules will give them. Leads that no longer exist are left out."""
    lead_values = await read_leads(connection, list(keys))
    await predict_scores(
        connection, {key: matched.rescored[key] for key in lead_values if key in matched.rescored}, lead_values, rules
    )
    leads.update(lead_values)


def _prerender_run(
    run: ActiveRun, leads: LeadsByKey, scene: WorkspaceContext, turns: RoundRobinCounters, plans: PrerenderedRuns
) -> None:
    before, turns_taken = leads[run.lead_key], list[tuple[StepKey, Sequence[bool], int]]()
    texts = RenderingBudget(plans.budgets.before_locks[run.workspace_id])
    try:
        walked = run_steps(
            run.steps, run.step_index, before, scene, partial(_record_turn, turns, run, turns_taken), budget=texts
        )
    except BudgetExhausted:
        plans.defer_run(run)
        return
    leads[run.lead_key] = walked.lead
    plans.by_run_id[run.id] = PrerenderedRun(before, walked, turns_taken)


def _record_turn(
    turns: RoundRobinCounters,
    run: ActiveRun,
    turns_taken: list[tuple[StepKey, Sequence[bool], int]],
    step: int,
    there: Sequence[bool],
) -> int:
    place = (run.workspace_id, run.automation_id, step)
    turn = turns.take_turn(place, there)
    turns_taken.append((place, there, turn))
    return turn
