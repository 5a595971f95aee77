"""Lead scores: the points of all matching rules, plus adjustments by automations.

The points from rules are stored separately, so that they can be taken back when a rule no longer matches. A lead is
rescored after each of its events; a changed rule affects the score of a lead with its next event.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.workers.automations.event_subscribers import WorkspaceRules
from services.workers.outbox.outbox_event import OutboxEvent
from shared.leads.submission import LeadKey
from shared.leads.writes import ChangeCause, LeadChange
from shared.platform.db.connections import Connection, as_json
from shared.scoring.lead_points import read_points, store_points

DELETE_POINTS_SQL = """
DELETE FROM lead_points p USING json_array_elements(%s::json) k
WHERE p.workspace_id = (k->>0)::bigint AND p.lead_id = (k->>1)::bigint
"""


async def forget_points(connection: Connection, deleted: Sequence[LeadKey]) -> None:
    """Delete the stored points of deleted leads."""
    if deleted:
        await connection.execute(DELETE_POINTS_SQL, (as_json(deleted),))


async def rescore_leads(
    connection: Connection,
    scored: Mapping[LeadKey, OutboxEvent],
    leads: Mapping[LeadKey, dict[str, Any]],
    rules: Mapping[int, WorkspaceRules],
) -> list[LeadChange]:
    """Store the new points, and return the score changes. The locked leads in `leads` get their new scores."""
    scores = await predict_scores(connection, scored, leads, rules)
    await store_points(connection, [(*key, now) for key, _, now in scores])
    return [LeadChange(*key, add_score=now - before, cause=_scoring_cause(scored[key])) for key, before, now in scores]


async def predict_scores(
    connection: Connection,
    scored: Mapping[LeadKey, OutboxEvent],
    leads: Mapping[LeadKey, dict[str, Any]],
    rules: Mapping[int, WorkspaceRules],
) -> list[tuple[LeadKey, int, int]]:
    """Set the scores in `leads` by the rules. Return each changed lead with its points from rules before and after."""
    present = [key for key in scored if key in leads]
    if not present:
        return []
    known = await read_points(connection, present)
    scores = [(key, known.get(key, 0), rules[key[0]].points_for(leads[key])) for key in present]
    scores = [(key, before, now) for key, before, now in scores if now != before]
    for key, before, now in scores:
        leads[key]["lead_score"] += now - before
    return scores


def _scoring_cause(event: OutboxEvent) -> ChangeCause:
    """Return the cause of a score change: if an automation caused the event, it also caused the score change."""
    return ChangeCause("scoring", None, depth=len(event.chain), run=event.actor.get("run"))
