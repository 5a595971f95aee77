"""The merges of a lead, for the API and the console."""

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from typing_extensions import TypedDict

from shared.leads.lead_redirects import merged_ids
from shared.platform.db.connections import Connection

# With the merges of those that merged into the lead: their parts of its timeline are here, too.
FIND_MERGES_SQL = """
SELECT m.id, m.winner_id, m.loser_id AS merged_lead_id, m.cause AS by, m.merged_at, m.undone_at, m.undone_by,
       ARRAY(SELECT jsonb_object_keys(m.changes)) AS fields,
       nullif(concat_ws(' ', m.loser->'lead'->>'first_name', m.loser->'lead'->>'last_name'), '') AS merged_name,
       coalesce(m.loser->'lead'->>'email', m.loser->'lead'->>'phone') AS merged_contact,
       cardinality(m.submission_ids) AS submissions, cardinality(m.activity_ids) AS activities,
       CASE WHEN m.undone_at IS NULL THEN (
           SELECT b.id FROM lead_merges b
           WHERE b.workspace_id = m.workspace_id AND b.loser_id = m.winner_id AND b.undone_at IS NULL) END AS blocked_by
FROM lead_merges m
WHERE m.workspace_id = %(w)s AND (m.winner_id = ANY(%(leads)s) OR m.loser_id = ANY(%(leads)s))
ORDER BY m.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
COUNT_MERGES_SQL = """
SELECT count(*) FROM lead_merges m
WHERE m.workspace_id = %(w)s AND (m.winner_id = ANY(%(leads)s) OR m.loser_id = ANY(%(leads)s))
"""


class MergeRecord(TypedDict):
    """A merge of a lead, or of one that merged into it.

    `fields` are those of the winner that the merge changed. `submissions` and `activities` count what went over.
    `blocked_by` is the merge that has to be undone first.
    """

    id: int
    winner_id: int
    merged_lead_id: int
    by: dict[str, Any]
    merged_at: datetime
    undone_at: datetime | None
    undone_by: dict[str, Any] | None
    fields: list[str]
    merged_name: str | None
    merged_contact: str | None
    submissions: int
    activities: int
    blocked_by: int | None


async def list_merges(
    connection: Connection, workspace_id: int, lead_id: int, *, limit: int = 100, offset: int = 0
) -> tuple[list[MergeRecord], int]:
    """Return a page of the merges of a lead and of those that merged into it, newest first, and their number."""
    leads = [lead_id, *await merged_ids(connection, workspace_id, lead_id)]
    values = {"w": workspace_id, "leads": leads, "limit": limit, "offset": offset}
    total = (await (await connection.execute(COUNT_MERGES_SQL, values)).fetchall())[0][0]
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FIND_MERGES_SQL, values)
        found: list[Any] = await cursor.fetchall()
    return found, total
