"""The job that counts the scores of leads again, by the rules as they are when each chunk is done."""

from collections.abc import Sequence

from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemOutcome
from services.workers.jobs.lead_items import GONE_MESSAGE, SAME_MESSAGE
from shared.platform.db.connections import Connection
from shared.scoring.rescoring import rescore_leads


async def count_scores(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Give leads the points of the rules. One whose score stays is skipped."""
    lead_ids = [item.lead_id for item in items]
    scores = await rescore_leads(connection, job.workspace_id, lead_ids, is_quiet=not job.with_automations)
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
