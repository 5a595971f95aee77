"""Execute one batch of runs and events in the caller's transaction.

Templates are rendered first, without locks. Then the leads are locked, and changes and deliveries are written.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from services.workers.automations import runs as rows
from services.workers.automations.ahead import Plans, Purses, plan
from services.workers.automations.effects import Effects
from services.workers.automations.forms import read_filled
from services.workers.automations.match import Matched, Rules
from services.workers.automations.scoring import forget, score
from services.workers.automations.turns import Turns
from services.workers.automations.values import Result, Run
from shared.automations.perform import Lead, Scene, Walk
from shared.automations.plan import difference, walk
from shared.automations.scene import load_scenes
from shared.automations.texts import PutOff, Texts
from shared.db import Connection, as_json
from shared.leads import identities, references
from shared.leads.records import read_leads
from shared.leads.submission import LeadKey
from shared.leads.writes import Cause, Change, Refusal, change
from shared.vault import Vault

GONE = "the lead is gone"
# Deleted leads, as the API showed them last.
LAST = """
SELECT a.workspace_id, a.lead_id, a.data->'lead'
FROM json_array_elements(%s::json) k
JOIN activities a ON a.workspace_id = (k->>0)::bigint AND a.lead_id = (k->>1)::bigint
WHERE a.type = 'lead.deleted' AND a.data ? 'lead'
"""

Leads = dict[LeadKey, Lead]


async def act(
    connection: Connection,
    vault: Callable[[], Vault],
    runs: Sequence[Run],
    matched: Matched,
    rules: Mapping[int, Rules],
    purses: Purses,
) -> bool:
    """Take the steps of the runs and apply the other consequences of the events.

    Returns whether deliveries were written. Runs that are deferred stay unchanged. The order of locks is the one in
    docs/architecture.md: first a shared lock on the records that leads refer to, then the leads, then the round-robin
    counters, then tags (in `change`).
    """
    await references.hold(connection, sorted({run.workspace_id for run in runs} | {w for w, _ in matched.scored}))
    plans = await plan(connection, runs, matched, rules, purses)
    ready = [run for run in runs if run.lead not in plans.waiting or run.id in plans.made]
    leads = await _locked(connection, {run.lead for run in ready} | matched.scored.keys())
    effects = Effects(vault)
    await _tell(connection, matched, leads, effects)
    changes = await score(connection, matched.scored, leads, rules)
    results, caused = await _take_steps(connection, ready, leads, effects, plans)
    purses.put_off = (purses.put_off | {run.id for run in runs}) - {result.run.id for result in results}
    refusals = await change(connection, [*changes, *caused.values()]) if changes or caused else []
    _note(refusals, results)
    await forget(connection, matched.deleted)
    is_told = await effects.keep(connection)  # before the runs, whose rows contain the ids of their deliveries
    await rows.keep(connection, results)
    return is_told


async def _locked(connection: Connection, keys: set[LeadKey]) -> Leads:
    """Lock leads and return them as the API shows them; leads that no longer exist are missing."""
    if not keys:
        return {}
    await identities.lock(connection, keys, ["workspace_id", "id"])
    return await read_leads(connection, list(keys))


async def _tell(connection: Connection, matched: Matched, leads: Leads, effects: Effects) -> None:
    keys = {event.lead for event, _, _ in matched.told}
    found = {**leads, **await read_leads(connection, list(keys - leads.keys()))}
    if gone := keys - found.keys():
        rows = await (await connection.execute(LAST, (as_json(list(gone)),))).fetchall()
        found |= {(row[0], row[1]): row[2] for row in rows}
    for event, fact, subscription_id in matched.told:
        effects.tell(event, fact, subscription_id, found)
    for event, filled in await read_filled(connection, matched.submitted):
        effects.mail(event, filled)


async def _take_steps(
    connection: Connection, runs: Sequence[Run], leads: Leads, effects: Effects, plans: Plans
) -> tuple[list[Result], dict[int, Change]]:
    """Return the results of the runs, and the changes they cause by run id. Each run sees the changes before it."""
    going = [run for run in runs if run.lead in leads and not run.stopped]
    results = [_stopped(run) for run in runs if run.lead not in leads or run.stopped]
    changes: dict[int, Change] = {}
    if not going:
        return results, changes
    scenes = await _scenes(connection, going, leads, plans)
    turns = await Turns.lock(connection, going)
    for run in going:
        before = leads[run.lead]
        walked = _walked(run, before, scenes[run.id], turns, plans)
        if walked is None:
            continue
        if changed := difference(before, walked.lead):
            changes[run.id] = Change(*run.lead, cause=_cause(run), **changed)
        leads[run.lead] = walked.lead
        effects.add(run, walked, walked.scene.now)
        results.append(_result(run, walked))
    await turns.keep(connection)
    return results, changes


async def _scenes(connection: Connection, runs: Sequence[Run], leads: Leads, plans: Plans) -> dict[int, Scene]:
    """Return the context of each run. A prerendered run keeps the context it was rendered with."""
    others = [(run.workspace_id, run.steps, leads[run.lead]) for run in runs if run.id not in plans.made]
    scenes = await load_scenes(connection, others) if others else {}
    return {
        run.id: plans.made[run.id].walked.scene if run.id in plans.made else scenes[run.workspace_id] for run in runs
    }


def _walked(run: Run, lead: Lead, scene: Scene, turns: Turns, plans: Plans) -> Walk | None:
    """Return the steps of a run, taken again if the lead or the counters have changed; None if the run is deferred."""
    if run.lead in plans.late:
        return None
    if walked := plans.stands(run, lead, turns):
        return walked
    texts, counts = Texts(plans.purses.locked[run.workspace_id]), turns.counts()
    try:
        return walk(run.steps, run.at, lead, scene, partial(_turn, turns, run), texts=texts)
    except PutOff:
        turns.back_to(counts)
        plans.late.add(run.lead)
        return None


def _turn(turns: Turns, run: Run, step: int, there: Sequence[bool]) -> int:
    return turns.take((run.workspace_id, run.automation_id, step), there)


def _cause(run: Run) -> Cause:
    return Cause("automation", run.automation_id, depth=len(run.chain) + 1, run=run.id)


def _stopped(run: Run) -> Result:
    return Result(run, "stopped", run.at, error=run.stopped or GONE)


def _result(run: Run, walked: Walk) -> Result:
    reason = next((outcome["reason"] for outcome in walked.outcomes if outcome["reason"]), None)
    due_at = walked.due_at if walked.state == "waiting" else None
    state = "failed" if run.failed and walked.state == "done" else walked.state
    return Result(run, state, walked.at, walked.outcomes, due_at, reason)


def _note(refusals: Sequence[Refusal], results: Sequence[Result]) -> None:
    """Mark runs as failed whose change was refused, for example because the lead was deleted in the meantime."""
    refused = {refusal.change.cause.run: refusal for refusal in refusals if refusal.change.cause.kind == "automation"}
    for result in results:
        if refusal := refused.get(result.run.id):
            result.state, result.due_at = "failed", None
            result.error = "; ".join(text for texts in refusal.errors.values() for text in texts) or GONE
