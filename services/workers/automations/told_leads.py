"""The leads that webhooks and feeds tell of."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.leads import lead_redirects
from shared.leads.lead_records import read_leads
from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.database_errors import ContentionError

# Deleted leads, as the API showed them last.
DELETED_LEADS_SQL = """
SELECT a.workspace_id, a.lead_id, a.data->'lead'
FROM json_array_elements(%s::json) k
JOIN activities a ON a.workspace_id = (k->>0)::bigint AND a.lead_id = (k->>1)::bigint
WHERE a.type = 'lead.deleted' AND a.data ? 'lead'
"""


async def read_told_leads(
    connection: Connection, keys: Iterable[LeadKey], known: Mapping[LeadKey, Any]
) -> dict[LeadKey, Any]:
    """Return the leads that are known, and the others as they are now, or as they were when they were deleted."""
    wanted = set(keys)
    leads = {**known, **await read_leads(connection, list(wanted - known.keys()))}
    if gone := wanted - leads.keys():
        await retry_if_merged(connection, gone)
        rows = await (await connection.execute(DELETED_LEADS_SQL, (as_json(list(gone)),))).fetchall()
        leads |= {(row[0], row[1]): row[2] for row in rows}
    return leads


async def retry_if_merged(connection: Connection, missing: set[LeadKey]) -> None:
    """Raise a contention error if a lead was merged since the batch was claimed: the next claim names the winner."""
    if await lead_redirects.find_winners(connection, missing):
        raise ContentionError("a lead was merged")
