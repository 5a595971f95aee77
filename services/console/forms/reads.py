"""What the pages of forms read beside the forms themselves: the list, and whether anybody has seen a form yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.forms.form_numbers import FormFigures, read_form_totals
from shared.platform.db.connections import Connection

LIST_DAYS = 7  # days whose figures the list shows
MAX_LISTED_FORMS = 500

LIST_FORMS_SQL = """
SELECT f.id, f.name, f.public_id, f.is_active, f.version, f.updated_at, d.updated_at AS draft_at,
       d.updated_by AS draft_by,
       coalesce((f.settings->>'double_opt_in')::boolean, false) AS awaits_confirmation,
       (SELECT max(s.received_at) FROM submissions s WHERE s.workspace_id = f.workspace_id
           AND s.channel = 'form:' || f.id AND s.channel <> 'inbound') AS last_received_at
FROM forms f LEFT JOIN form_drafts d ON d.workspace_id = f.workspace_id AND d.form_id = f.id
WHERE f.workspace_id = %s ORDER BY lower(f.name), f.id LIMIT %s
"""
VISITS_SQL = """
SELECT min(hour) FILTER (WHERE outcome = 'view'), coalesce(sum(n) FILTER (WHERE outcome = 'view'), 0)::bigint,
       coalesce(sum(n) FILTER (WHERE outcome = 'start'), 0)::bigint,
       coalesce(sum(n) FILTER (WHERE outcome = 'submission'), 0)::bigint
FROM form_counts WHERE workspace_id = %s AND form_id = %s
"""
VISITED_SITES_SQL = """
SELECT source FROM form_counts WHERE workspace_id = %s AND form_id = %s AND outcome = 'view' AND source <> ''
GROUP BY 1 ORDER BY sum(n) DESC LIMIT 5
"""


@dataclass(frozen=True)
class FormVisits:
    """The visits of a form since it was made. `since`: the hour of the first one. `sources`: where most came from."""

    since: datetime | None
    views: int
    starts: int
    submissions: int
    sources: tuple[str, ...] = ()


async def list_forms(connection: Connection, workspace_id: int) -> list[dict[str, Any]]:
    """Return the forms of a workspace by name, each with `figures` of the last seven days."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LIST_FORMS_SQL, (workspace_id, MAX_LISTED_FORMS))).fetchall()
    totals = await read_form_totals(connection, workspace_id, LIST_DAYS)
    return [{**row, "figures": totals.get(row["id"], FormFigures())} for row in rows]


async def read_form_visits(connection: Connection, workspace_id: int, form_id: int) -> FormVisits:
    """Return whether, and how often, a form was visited."""
    rows = await (await connection.execute(VISITS_SQL, (workspace_id, form_id))).fetchall()
    sites = await (await connection.execute(VISITED_SITES_SQL, (workspace_id, form_id))).fetchall()
    since, views, starts, submissions = rows[0]
    return FormVisits(since, views, starts, submissions, tuple(one for (one,) in sites))
