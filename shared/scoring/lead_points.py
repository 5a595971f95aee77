"""The rules' part of each lead's score, which is stored so that it can be taken back when a rule no longer matches."""

from collections.abc import Sequence

from shared.leads.submission import LeadKey
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


async def read_points(connection: Connection, leads: Sequence[LeadKey]) -> dict[LeadKey, int]:
    """Return the stored points of leads, without those that have none."""
    rows = await (await connection.execute(RULE_POINTS_SQL, (as_json(list(leads)),))).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def store_points(connection: Connection, points: Sequence[tuple[int, int, int]]) -> None:
    """Store points, each with its workspace and lead. The caller has locked the leads."""
    if points:
        await connection.execute(UPSERT_POINTS_SQL, (as_json(points),))
