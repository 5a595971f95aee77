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

from services.workers.automations.match import Matched, Rules
from services.workers.automations.scoring import foresee
from services.workers.automations.turns import Place, Turns
from services.workers.automations.values import Run
from shared.automations.perform import Lead, Scene, Walk
from shared.automations.plan import walk
from shared.automations.scene import load_scenes
from shared.automations.texts import Purse, PutOff, Texts
from shared.db import Connection
from shared.leads.records import read_leads
from shared.leads.submission import LeadKey

WITH_TEXTS = frozenset(("send_email", "send_sms", "notify_slack", "notify_users", "create_task"))

# Processor time for the templates of one workspace in one round of an engine, before and while leads are locked. The
# first is more than one run may take, so that each round finishes a run or compiles templates for the next round.
SECONDS, SECONDS_LOCKED = 0.075, 0.02
CHARACTERS = 4_000_000  # rendered for one workspace in one round; beyond that no further run begins
FIRST = 10  # runs whose leads are read first; each further read doubles it, as leads may be large and time may run out

Leads = dict[LeadKey, Lead]


class Purses:
    """The rendering budgets of workspaces in one round, and the runs deferred to the next round."""

    def __init__(self, resting: Iterable[int] = ()) -> None:
        self.ahead: defaultdict[int, Purse] = defaultdict(lambda: Purse(SECONDS, CHARACTERS))
        self.ahead |= {workspace_id: Purse(0.0) for workspace_id in resting}
        self.locked: defaultdict[int, Purse] = defaultdict(lambda: Purse(SECONDS_LOCKED))
        self.put_off: set[int] = set()

    def empty(self) -> set[int]:
        """Return the workspaces that have used up their budget."""
        return {workspace_id for workspace_id, purse in self.ahead.items() if purse.is_empty}


class Plan(NamedTuple):
    """A run whose steps were taken before its lead was locked.

    Holds the lead that the steps started from, and the round-robin turns that they used.
    """

    before: Lead
    walked: Walk
    turns: list[tuple[Place, Sequence[bool], int]]


@dataclass(slots=True)
class Plans:
    """The prerendered runs of a batch.

    If a run is deferred, all later runs of its lead are deferred too, so that their order is kept.
    """

    purses: Purses
    made: dict[int, Plan] = field(default_factory=dict)
    waiting: set[LeadKey] = field(default_factory=set)  # leads with deferred runs
    late: set[LeadKey] = field(default_factory=set)  # leads whose runs found no time left under the lock

    def stands(self, run: Run, lead: Lead, turns: Turns) -> Walk | None:
        """Return the prerendered steps if they would give the same result now, otherwise None."""
        plan = self.made.get(run.id)
        stands = plan is not None and plan.before == lead and turns.take_again(plan.turns)
        return plan.walked if plan and stands else None

    def is_put_off(self, run: Run) -> bool:
        """Return whether a run waits for the next round; defer it if its workspace has no budget left."""
        if _has_texts(run) and self.purses.ahead[run.workspace_id].is_empty:
            self.put_off(run)
        return run.lead in self.waiting

    def put_off(self, run: Run) -> None:
        self.waiting.add(run.lead)


async def plan(
    connection: Connection, runs: Sequence[Run], matched: Matched, rules: Mapping[int, Rules], purses: Purses
) -> Plans:
    """Take the steps of runs with templates, and of all other runs of the same leads."""
    plans, leads = Plans(purses), Leads()
    concerned = {run.lead for run in runs if _has_texts(run)}
    left = [run for run in runs if run.lead in concerned and not run.stopped]
    turns = await Turns.look(connection, left)
    size = FIRST
    while left := [run for run in left if not plans.is_put_off(run)]:
        part, left = left[:size], left[size:]
        await _read(connection, {run.lead for run in part} - leads.keys(), leads, matched, rules)
        part = [run for run in part if run.lead in leads]
        scenes = await load_scenes(connection, [(run.workspace_id, run.steps, leads[run.lead]) for run in part])
        for run in part:
            if not plans.is_put_off(run):
                _walk(run, leads, scenes[run.workspace_id], turns, plans)
        size *= 2
    return plans


def _has_texts(run: Run) -> bool:
    return any("action" in step and step["action"]["type"] in WITH_TEXTS for step in run.steps[run.at :])


async def _read(
    connection: Connection, keys: Iterable[LeadKey], leads: Leads, matched: Matched, rules: Mapping[int, Rules]
) -> None:
    """Add leads to `leads`, with the scores that the rules will give them. Leads that no longer exist are left out."""
    found = await read_leads(connection, list(keys))
    await foresee(connection, {key: matched.scored[key] for key in found if key in matched.scored}, found, rules)
    leads.update(found)


def _walk(run: Run, leads: Leads, scene: Scene, turns: Turns, plans: Plans) -> None:
    before, taken = leads[run.lead], list[tuple[Place, Sequence[bool], int]]()
    texts = Texts(plans.purses.ahead[run.workspace_id])
    try:
        walked = walk(run.steps, run.at, before, scene, partial(_turn, turns, run, taken), texts=texts)
    except PutOff:
        plans.put_off(run)
        return
    leads[run.lead] = walked.lead
    plans.made[run.id] = Plan(before, walked, taken)


def _turn(
    turns: Turns, run: Run, taken: list[tuple[Place, Sequence[bool], int]], step: int, there: Sequence[bool]
) -> int:
    place = (run.workspace_id, run.automation_id, step)
    turn = turns.take(place, there)
    taken.append((place, there, turn))
    return turn
