"""Execute one batch of runs and events in the caller's transaction.

Templates are rendered first, without locks. Then the leads are locked, and changes and deliveries are written.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import cache, partial
from typing import NamedTuple

from services.workers.automations import runs as rows
from services.workers.automations.effects import BatchEffects
from services.workers.automations.event_subscribers import MatchedEvents, WorkspaceRules
from services.workers.automations.form_submissions import load_form_notifications
from services.workers.automations.prerendering import PrerenderedRuns, WorkspaceBudgets, prerender_runs
from services.workers.automations.round_robin import RoundRobinCounters
from services.workers.automations.scoring import forget_points, rescore_leads
from services.workers.automations.told_leads import read_told_leads, retry_if_merged
from services.workers.automations.types import ActiveRun, RunResult
from services.workers.conversions.conversion_queue import queue_conversions
from services.workers.outbox.filter_failures import note_failures
from services.workers.outbox.webhook_notices import feed_event
from shared.automations.action_handlers import LeadDict, StepRun, WorkspaceContext
from shared.automations.rendering_budget import BudgetExhausted, RenderingBudget
from shared.automations.step_runner import lead_difference, run_steps
from shared.automations.workspace_context import load_contexts
from shared.leads import identities, reference_locks
from shared.leads.lead_records import read_leads
from shared.leads.submission import LeadKey
from shared.leads.writes import ChangeCause, LeadChange, RefusedChange, change_leads
from shared.outbound.event_feed import FeedNews, record_events
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection

LEAD_GONE_REASON = "the lead is gone"

LeadsByKey = dict[LeadKey, LeadDict]


class BatchAudience(IntEnum):
    """Who hears of a batch outside: nobody, readers of a feed, or receivers of deliveries."""

    NOBODY = 0
    READERS = 1
    RECEIVERS = 2


class BatchReach(NamedTuple):
    """Who hears of a batch after its commit, and the news of feeds that are then to be announced."""

    audience: BatchAudience
    news: list[FeedNews]


async def execute_batch(
    connection: Connection,
    cipher: Callable[[], Cipher],
    runs: Sequence[ActiveRun],
    matched: MatchedEvents,
    rules: Mapping[int, WorkspaceRules],
    purses: WorkspaceBudgets,
) -> BatchReach:
    """Take the steps of the runs and apply the other consequences of the events.

    Returns who hears of it. Runs that are deferred stay unchanged. The order of locks is the one in
    docs/architecture.md: first a shared lock on the records that leads refer to, then the leads, then the round-robin
    counters, then tags (in `change_leads`), feeds, and the states of subscriptions last.
    """
    await reference_locks.lock_shared(
        connection, sorted({run.workspace_id for run in runs} | {w for w, _ in matched.rescored})
    )
    plans = await prerender_runs(connection, runs, matched, rules, purses)
    ready = [run for run in runs if run.lead_key not in plans.deferred_leads or run.id in plans.by_run_id]
    leads = await _lock_leads(connection, {run.lead_key for run in ready} | matched.rescored.keys())
    effects = BatchEffects(cache(lambda: cipher().in_open_transaction(connection)))
    told_leads = await _notify_listeners(connection, matched, leads, effects)
    feed_events = [feed_event(event, fact, told_leads) for event, fact in matched.recorded]
    changes = await rescore_leads(connection, matched.rescored, leads, rules)
    results, caused = await _take_steps(connection, ready, leads, effects, plans)
    purses.deferred_run_ids = (purses.deferred_run_ids | {run.id for run in runs}) - {
        result.run.id for result in results
    }
    refusals = await change_leads(connection, [*changes, *caused.values()]) if changes or caused else []
    _note_refusals(refusals, results)
    await forget_points(connection, matched.deleted_leads)
    is_told = await effects.write_all(connection)  # before the runs, whose rows contain the ids of their deliveries
    await rows.save_results(connection, results)
    has_conversions = await queue_conversions(connection, matched.conversions)
    news = await record_events(connection, feed_events)
    await note_failures(connection, matched.filter_failures)
    if is_told or has_conversions:
        return BatchReach(BatchAudience.RECEIVERS, news)
    return BatchReach(BatchAudience.READERS if news else BatchAudience.NOBODY, news)


async def _lock_leads(connection: Connection, keys: set[LeadKey]) -> LeadsByKey:
    """Lock leads and return them as the API shows them; leads that no longer exist are missing."""
    if not keys:
        return {}
    present = await identities.lock_leads(connection, keys, ["workspace_id", "id"])
    await retry_if_merged(connection, keys - present.keys())
    return await read_leads(connection, list(keys))


async def _notify_listeners(
    connection: Connection, matched: MatchedEvents, leads: LeadsByKey, effects: BatchEffects
) -> LeadsByKey:
    """Add what receivers are told of the events. Return the leads as they are told of."""
    keys = {notice.event.lead_key for notice in matched.webhooks} | {event.lead_key for event, _ in matched.recorded}
    known_leads = await read_told_leads(connection, keys, {**matched.read_leads, **leads})
    for notice in matched.webhooks:
        effects.notify_subscription(notice, known_leads)
    for event, filled in await load_form_notifications(connection, matched.form_submissions):
        effects.mail_form_notification(event, filled)
        effects.mail_auto_reply(event, filled)
    return known_leads


async def _take_steps(
    connection: Connection, runs: Sequence[ActiveRun], leads: LeadsByKey, effects: BatchEffects, plans: PrerenderedRuns
) -> tuple[list[RunResult], dict[int, LeadChange]]:
    """Return the results of the runs, and the changes they cause by run id. Each run sees the changes before it."""
    going = [run for run in runs if run.lead_key in leads and not run.stopped]
    results = [_stopped_result(run) for run in runs if run.lead_key not in leads or run.stopped]
    changes: dict[int, LeadChange] = {}
    if not going:
        return results, changes
    scenes = await _contexts_by_run(connection, going, leads, plans)
    turns = await RoundRobinCounters.lock_for_runs(connection, going)
    for run in going:
        before = leads[run.lead_key]
        walked = _reuse_or_run_steps(run, before, scenes[run.id], turns, plans)
        if walked is None:
            continue
        if changed := lead_difference(before, walked.lead):
            changes[run.id] = LeadChange(*run.lead_key, cause=_change_cause(run), **changed)
        leads[run.lead_key] = walked.lead
        effects.add_run(run, walked, walked.context.now)
        results.append(_run_result(run, walked))
    await turns.save_counters(connection)
    return results, changes


async def _contexts_by_run(
    connection: Connection, runs: Sequence[ActiveRun], leads: LeadsByKey, plans: PrerenderedRuns
) -> dict[int, WorkspaceContext]:
    """Return the context of each run. A prerendered run keeps the context it was rendered with."""
    others = [(run.workspace_id, run.steps, leads[run.lead_key]) for run in runs if run.id not in plans.by_run_id]
    scenes = await load_contexts(connection, others) if others else {}
    return {
        run.id: plans.by_run_id[run.id].step_run.context if run.id in plans.by_run_id else scenes[run.workspace_id]
        for run in runs
    }


def _reuse_or_run_steps(
    run: ActiveRun, lead: LeadDict, scene: WorkspaceContext, turns: RoundRobinCounters, plans: PrerenderedRuns
) -> StepRun | None:
    """Return the steps of a run, taken again if the lead or the counters have changed; None if the run is deferred."""
    if run.lead_key in plans.late_leads:
        return None
    if walked := plans.reuse_if_unchanged(run, lead, turns):
        return walked
    texts, counts = RenderingBudget(plans.budgets.under_locks[run.workspace_id]), turns.current_counts()
    try:
        return run_steps(run.steps, run.step_index, lead, scene, partial(_take_turn, turns, run), budget=texts)
    except BudgetExhausted:
        turns.reset_to(counts)
        plans.late_leads.add(run.lead_key)
        return None


def _take_turn(turns: RoundRobinCounters, run: ActiveRun, step: int, there: Sequence[bool]) -> int:
    return turns.take_turn((run.workspace_id, run.automation_id, step), there)


def _change_cause(run: ActiveRun) -> ChangeCause:
    return ChangeCause("automation", run.automation_id, depth=len(run.chain) + 1, run=run.id)


def _stopped_result(run: ActiveRun) -> RunResult:
    return RunResult(run, "stopped", run.step_index, error=run.stopped or LEAD_GONE_REASON)


def _run_result(run: ActiveRun, walked: StepRun) -> RunResult:
    reason = next((outcome["reason"] for outcome in walked.outcomes if outcome["reason"]), None)
    due_at = walked.due_at if walked.state == "waiting" else None
    state = "failed" if run.has_failed_step and walked.state == "done" else walked.state
    return RunResult(run, state, walked.step_index, walked.outcomes, due_at, reason)


def _note_refusals(refusals: Sequence[RefusedChange], results: Sequence[RunResult]) -> None:
    """Mark runs as failed whose change was refused, for example because the lead was deleted in the meantime."""
    refused = {refusal.change.cause.run: refusal for refusal in refusals if refusal.change.cause.kind == "automation"}
    for result in results:
        if refusal := refused.get(result.run.id):
            result.state, result.due_at = "failed", None
            result.error = "; ".join(text for texts in refusal.errors.values() for text in texts) or LEAD_GONE_REASON
