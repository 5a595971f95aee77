"""Runs walked through ahead, before their leads are locked: texts take time, and nobody who wants a lead waits for it.

A walk goes by the lead as it is just then. Under the lock it stands where the lead is still the same; else it is taken
anew, and its texts have less time. A run for which there is no time left in a round stays due, for the next round.
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

# Of the processor, for the texts of a workspace in a round of an engine: more than a run may take, so that each round
# ends one run or compiles templates that the next round finds compiled. And while leads are locked.
SECONDS, SECONDS_LOCKED = 0.075, 0.02
CHARACTERS = 4_000_000  # of a workspace's texts in a round, beyond which no run begins
FIRST = 10  # runs whose leads are read at once, then twice as many each time: leads may be large, and the time short

Leads = dict[LeadKey, Lead]


class Purses:
    """What workspaces have left for texts in a round, and the runs that stay due for the next one."""

    def __init__(self, resting: Iterable[int] = ()) -> None:
        self.ahead: defaultdict[int, Purse] = defaultdict(lambda: Purse(SECONDS, CHARACTERS))
        self.ahead |= {workspace_id: Purse(0.0) for workspace_id in resting}
        self.locked: defaultdict[int, Purse] = defaultdict(lambda: Purse(SECONDS_LOCKED))
        self.put_off: set[int] = set()

    def empty(self) -> set[int]:
        """The workspaces that have spent what they had."""
        return {workspace_id for workspace_id, purse in self.ahead.items() if purse.is_empty}


class Plan(NamedTuple):
    """A walk ahead: the lead that it went by, and the turns that it took at which places."""

    before: Lead
    walked: Walk
    turns: list[tuple[Place, Sequence[bool], int]]


@dataclass(slots=True)
class Plans:
    """The walks ahead, by run. Of a lead with a run that is put off all later ones are, to be done in their order."""

    purses: Purses
    made: dict[int, Plan] = field(default_factory=dict)
    waiting: set[LeadKey] = field(default_factory=set)  # the leads of runs that are put off,
    late: set[LeadKey] = field(default_factory=set)  # and of those for which there is no time under the lock

    def stands(self, run: Run, lead: Lead, turns: Turns) -> Walk | None:
        """The walk, where it would come to the same now."""
        plan = self.made.get(run.id)
        stands = plan is not None and plan.before == lead and turns.take_again(plan.turns)
        return plan.walked if plan and stands else None

    def is_put_off(self, run: Run) -> bool:
        """Whether a run waits for the next round."""
        if _has_texts(run) and self.purses.ahead[run.workspace_id].is_empty:
            self.put_off(run)
        return run.lead in self.waiting

    def put_off(self, run: Run) -> None:
        self.waiting.add(run.lead)


async def plan(
    connection: Connection, runs: Sequence[Run], matched: Matched, rules: Mapping[int, Rules], purses: Purses
) -> Plans:
    """Walks through the runs that make texts, and the others of their leads."""
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
    """Adds leads as they will be when their scores follow the rules; one that is gone is missing."""
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
