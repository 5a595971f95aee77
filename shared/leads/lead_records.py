"""Read whole leads as the API shows them."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection, as_json

LeadJson = dict[str, Any]

# A possible duplicate is one that ingest noted, then the likeliest that was found (docs/internals/likeness.md).
# A deleted stage, user or tag is hidden at once, even before it is cleared from the leads that refer to it.
LEAD_RECORDS_SQL = """
SELECT l.workspace_id, l.id, l.first_name, l.last_name, l.email, l.email_as_given, l.phone, l.company, l.job_title,
       l.country, l.source, l.status, l.lead_score, l.starred, l.pipeline_id,
       (SELECT s.id FROM pipeline_stages s WHERE s.workspace_id = l.workspace_id AND s.id = l.pipeline_stage_id)
           AS pipeline_stage_id,
       (SELECT u.id FROM users u WHERE u.workspace_id = l.workspace_id AND u.id = l.assigned_user_id)
           AS assigned_user_id,
       l.notes, l.custom_fields,
       ARRAY(SELECT t.name FROM unnest(l.tag_ids) WITH ORDINALITY AS borne(id, nr)
             JOIN tags t ON t.workspace_id = l.workspace_id AND t.id = borne.id ORDER BY nr) AS tags,
       coalesce(
           (SELECT p.other_id FROM possible_duplicates p WHERE p.workspace_id = l.workspace_id AND p.lead_id = l.id
            AND NOT EXISTS (SELECT FROM duplicate_pairs d WHERE d.workspace_id = p.workspace_id AND d.state <> 'open'
                AND d.lead_a = least(p.lead_id, p.other_id) AND d.lead_b = greatest(p.lead_id, p.other_id))
            ORDER BY p.created_at, p.other_id LIMIT 1),
           (SELECT other_id FROM (
                SELECT lead_b AS other_id, bits FROM duplicate_pairs d
                WHERE d.workspace_id = l.workspace_id AND d.lead_a = l.id AND d.state = 'open'
                UNION ALL
                SELECT lead_a, bits FROM duplicate_pairs d
                WHERE d.workspace_id = l.workspace_id AND d.lead_b = l.id AND d.state = 'open') pairs
            ORDER BY bits DESC, other_id LIMIT 1)) AS possible_duplicate_of,
       (SELECT json_build_object('first', a.first, 'last', a.last) FROM lead_attributions a
        WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id) AS attribution,
       l.created_at, l.updated_at
FROM json_array_elements(%s::json) k
JOIN leads l ON l.workspace_id = (k->>0)::bigint AND l.id = (k->>1)::bigint
"""


async def read_leads(connection: Connection, wanted: Sequence[LeadKey]) -> dict[LeadKey, LeadJson]:
    """Return full records by (workspace id, lead id), with tags as names. A lead that does not exist is missing."""
    if not wanted:
        return {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        # Planning takes longer than running it.
        await cursor.execute(LEAD_RECORDS_SQL, (as_json(list(wanted)),), prepare=True)
        rows = await cursor.fetchall()
    return {(row.pop("workspace_id"), row["id"]): row for row in rows}
