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

RULE_POINTS_SQL = """
SELECT p.workspace_id, p.lead_id, p.points FROM lead_points p
JOIN json_array_elements(%s::json) k ON p.workspace_id = (k->>0)::bigint AND p.lead_id = (k->>1)::bigint
"""
UPSERT_POINTS_SQL = """
INSERT INTO lead_points (workspace_id, lead_id, points)
SELECT (k->>0)::bigint, (k->>1)::bigint, (k->>2)::bigint FROM json_array_elements(%s::json) k ORDER BY 1, 2
ON CONFLICT (workspace_id, lead_id) DO UPDATE SET points = excluded.points
"""
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
    if scores:
        await connection.execute(UPSERT_POINTS_SQL, (as_json([(*key, now) for key, _, now in scores]),))
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
    known = {
        (row[0], row[1]): row[2]
        for row in await (await connection.execute(RULE_POINTS_SQL, (as_json(present),))).fetchall()
    }
    scores = [(key, known.get(key, 0), rules[key[0]].points_for(leads[key])) for key in present]
    scores = [(key, before, now) for key, before, now in scores if now != before]
    for key, before, now in scores:
        leads[key]["lead_score"] += now - before
    return scores


def _scoring_cause(event: OutboxEvent) -> ChangeCause:
    """Return the cause of a score change: if an automation caused the event, it also caused the score change."""
    return ChangeCause("scoring", None, depth=len(event.chain), run=event.actor.get("run"))
