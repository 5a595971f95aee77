"""The job that counts the scores of leads again, by the rules as they are when each chunk is done."""

from collections.abc import Sequence

from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemOutcome
from services.workers.jobs.lead_items import GONE_MESSAGE, SAME_MESSAGE
from shared.leads import reference_locks
from shared.leads.identities import lock_leads
from shared.leads.lead_records import read_leads
from shared.leads.writes import ChangeCause, LeadChange, change_leads
from shared.platform.db.connections import Connection
from shared.scoring.lead_points import read_points, store_points
from shared.scoring.rule_management import active_rules, list_rules
from shared.scoring.score_points import points_for


async def count_scores(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Give leads the points of the rules. One whose score stays is skipped."""
    lead_ids = [item.lead_id for item in items]
    scores = await _rescore_leads(connection, job.workspace_id, lead_ids, is_quiet=not job.with_automations)
    outcomes = []
    for item in items:
        before, after = scores.get(item.lead_id, (0, 0))
        if item.lead_id not in scores:
            outcomes.append(ItemOutcome(item.id, "skipped", GONE_MESSAGE))
        elif before == after:
            outcomes.append(ItemOutcome(item.id, "skipped", SAME_MESSAGE))
        else:
            outcomes.append(ItemOutcome(item.id, "done", None, {"lead_score": [before, after]}))
    return outcomes


async def _rescore_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[int], *, is_quiet: bool
) -> dict[int, tuple[int, int]]:
    """Give leads the points of the rules as they are now. Return the score of each before and after.

    A lead that is gone is missing.
    """
    await reference_locks.lock_shared(connection, [workspace_id])
    keys = [(workspace_id, id_) for id_ in lead_ids]
    present = list(await lock_leads(connection, keys, ("workspace_id", "id")))
    rules = active_rules(await list_rules(connection, workspace_id))
    leads, stored = await read_leads(connection, present), await read_points(connection, present)
    scores = {key: (stored.get(key, 0), points_for(rules, leads[key])) for key in present}
    changed = {key: (before, after) for key, (before, after) in scores.items() if before != after}
    await store_points(connection, [(*key, after) for key, (_, after) in sorted(changed.items())])
    cause = ChangeCause("scoring", None)
    changes = [
        LeadChange(*key, cause=cause, add_score=after - before, is_quiet=is_quiet)
        for key, (before, after) in changed.items()
    ]
    await change_leads(connection, changes)
    totals = {key: lead["lead_score"] for key, lead in leads.items()}
    return {key[1]: (totals[key], totals[key] + after - before) for key, (before, after) in scores.items()}
