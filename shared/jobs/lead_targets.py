"""The leads that a job would take: those of a filter of the list, those that are named, or those of an edit to undo."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from shared.jobs.job_kinds import REMOVAL_KIND, RESCORE_KIND
from shared.lead_list.resolve_filters import resolve_filters
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, ValidationFailed

LeadJobKind = Literal["edit", "delete"]

LEAD_KINDS: Final[tuple[LeadJobKind, ...]] = ("edit", "delete")  # that the list of leads offers
KINDS_OVER_LEADS: Final = frozenset((*LEAD_KINDS, REMOVAL_KIND, RESCORE_KIND))
UNDO_FILTER = "undo_of"  # the edit whose changes a job takes back
NAMED_LEADS_SQL = "SELECT id, NULL::jsonb AS effect FROM leads WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s)"
EDITED_LEADS_SQL = """
SELECT lead_id AS id, effect FROM job_items
WHERE workspace_id = %(workspace)s AND job_id = %(undo_of)s AND outcome = 'done' AND effect IS NOT NULL
"""
STORE_LEADS_SQL = """
INSERT INTO job_items (workspace_id, job_id, id, lead_id, effect)
SELECT %(workspace)s, %(job)s, row_number() OVER (ORDER BY id), id, effect FROM ({targets}) targets
"""


async def count_lead_targets(connection: Connection, workspace_id: int, filters: Mapping[str, Any]) -> int:
    """Return how many leads a job would take now, exactly. Raises ValidationFailed for ids of another workspace."""
    query, values = await _targets_query(connection, workspace_id, filters)
    counted = f"SELECT count(*) FROM ({query}) targets"
    row = await (await connection.execute(counted.encode(), values)).fetchone()
    return int(row[0]) if row else 0


async def store_lead_targets(connection: Connection, workspace_id: int, job_id: int, filters: Mapping[str, Any]) -> int:
    """Store the leads as items of the job, in the order in which leads are locked. Return how many."""
    query, values = await _targets_query(connection, workspace_id, filters)
    statement = STORE_LEADS_SQL.format(targets=query)
    return (await connection.execute(statement.encode(), {**values, "job": job_id})).rowcount


async def first_lead_targets(
    connection: Connection, workspace_id: int, filters: Mapping[str, Any], limit: int
) -> list[int]:
    """Return the ids of the newest leads that a job would take."""
    query, values = await _targets_query(connection, workspace_id, filters)
    newest = f"SELECT id FROM ({query}) targets ORDER BY id DESC LIMIT {limit:d}"
    return [row[0] for row in await (await connection.execute(newest.encode(), values)).fetchall()]


async def _targets_query(
    connection: Connection, workspace_id: int, filters: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return a query for the ids, and for the changes that an undo takes back."""
    if UNDO_FILTER in filters:
        return EDITED_LEADS_SQL, {"workspace": workspace_id, "undo_of": filters[UNDO_FILTER]}
    if "ids" in filters:
        return NAMED_LEADS_SQL, {"workspace": workspace_id, "ids": list(filters["ids"])}
    errors: FieldErrors = {}
    lead_filters = await resolve_filters(connection, workspace_id, dict(filters), errors)
    if errors:
        raise ValidationFailed(errors)
    if lead_filters is None:
        return NAMED_LEADS_SQL, {"workspace": workspace_id, "ids": []}
    return (
        f"SELECT id, NULL::jsonb AS effect FROM leads WHERE {lead_filters.whole_condition}",
        lead_filters.sql_parameters,
    )
