"""What a lead's score is made of: the points of rules that match it now, those that it was given, and adjustments.

The score is the points that rules gave when the lead was last scored, and all adjustments since. Which rule gave which
points then is not stored: the rules of now are tried on the lead of now, and the rest is named as what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.leads.related_records import RowDict, read_rows
from shared.automations.conditions import condition_matches
from shared.leads.lead_records import LeadJson
from shared.platform.db.connections import Connection

MAX_RULES = 500
MAX_ADJUSTMENTS = 10_000  # entries of one lead that are added up

RULES_SQL = f"""
SELECT id, field, operator, value, points FROM scoring_rules
WHERE workspace_id = %(workspace)s AND is_active ORDER BY position, id LIMIT {MAX_RULES}
"""
GIVEN_POINTS_SQL = "SELECT points FROM lead_points WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s"
# A change by the scoring rules is no adjustment: its points are those that are stored.
ADJUSTMENTS_SQL = f"""
SELECT a.kind, a.author, s.name, sum(a.points)::bigint AS points FROM (
    SELECT data->'by'->>'kind' AS kind, (data->'by'->>'id')::bigint AS author,
           coalesce((data->'changes'->'lead_score'->>'to')::bigint, 0)
               - coalesce((data->'changes'->'lead_score'->>'from')::bigint, 0) AS points
    FROM activities
    WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s AND data->'changes' ? 'lead_score'
      AND data->'by'->>'kind' <> 'scoring' ORDER BY id DESC LIMIT {MAX_ADJUSTMENTS}) a
LEFT JOIN automations s ON s.workspace_id = %(workspace)s AND s.id = a.author AND a.kind = 'automation'
GROUP BY 1, 2, 3 HAVING sum(a.points) <> 0 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class ScoreParts:
    """The parts of a score, which add up to it.

    `drift` is the difference between what rules gave when the lead was last scored and what they would give now.
    `untold` are adjustments whose entries are not kept.
    """

    score: int
    rules: Sequence[RowDict]
    drift: int
    adjustments: Sequence[RowDict]
    untold: int


async def read_score_parts(connection: Connection, workspace_id: int, record: LeadJson) -> ScoreParts:
    """Return what the score of a lead is made of."""
    values = {"workspace": workspace_id, "lead": record["id"]}
    rules = await read_rows(connection, RULES_SQL, values)
    points = await read_rows(connection, GIVEN_POINTS_SQL, values)
    adjustments = await read_rows(connection, ADJUSTMENTS_SQL, values)
    return score_parts(record, rules, points[0]["points"] if points else 0, adjustments)


def score_parts(
    record: LeadJson, rules: Sequence[RowDict], points_before: int, adjustments: Sequence[RowDict]
) -> ScoreParts:
    """Return the parts of a score. `points_before` are the points that rules gave when the lead was last scored."""
    matching = [rule for rule in rules if rule["points"] and condition_matches(_condition_of(rule), record)]
    drift = points_before - sum(rule["points"] for rule in matching)
    told = sum(each["points"] for each in adjustments)
    return ScoreParts(record["lead_score"], matching, drift, adjustments, record["lead_score"] - points_before - told)


def _condition_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in ("field", "operator", "value")}
