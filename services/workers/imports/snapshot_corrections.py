"""Correct what merges noted of leads that went, so that an undone merge brings back nothing that was taken back."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from shared.leads.submission import IdentityKey
from shared.platform.db.connections import Connection, as_json

STANDING_MERGES_SQL = """
SELECT id, winner_id, loser_id, changes, loser -> 'lead' FROM lead_merges
WHERE workspace_id = %s AND loser_id = ANY(%s) AND undone_at IS NULL
"""
SET_FIELDS_SQL = """
UPDATE lead_merges m SET loser = jsonb_set(loser, '{lead}', (loser -> 'lead') || c.fields)
FROM json_to_recordset(%s::json) AS c(id bigint, fields jsonb)
WHERE m.workspace_id = %s AND m.id = c.id AND m.undone_at IS NULL
"""
FORGET_IDENTITIES_SQL = """
UPDATE lead_merges m SET loser = jsonb_set(loser, '{identities}', (
    SELECT coalesce(jsonb_agg(k), '[]') FROM jsonb_array_elements(loser -> 'identities') k
    WHERE NOT %(freed)s::jsonb @> jsonb_build_array(k)))
WHERE m.workspace_id = %(w)s AND m.undone_at IS NULL AND m.loser_id IN (
    SELECT lead_id FROM lead_redirects WHERE workspace_id = %(w)s AND winner_id = ANY(%(winners)s))
"""


class StandingMerge(NamedTuple):
    """A merge that was not undone: the fields of the winner that it changed, and the loser's record."""

    id: int
    winner_id: int
    loser_id: int
    changes: Mapping[str, Mapping[str, Any]]
    loser: Mapping[str, Any]


async def find_standing_merges(
    connection: Connection, workspace_id: int, loser_ids: Collection[int]
) -> dict[int, StandingMerge]:
    """Return the merges by which leads went, by the ids of these leads. Lock the leads that answer for them first."""
    if not loser_ids:
        return {}
    rows = await (await connection.execute(STANDING_MERGES_SQL, (workspace_id, list(loser_ids)))).fetchall()
    return {row[2]: StandingMerge(*row) for row in rows}


async def set_snapshot_fields(
    connection: Connection, workspace_id: int, fields: Mapping[int, Mapping[str, Any]]
) -> None:
    """Set fields of leads that went, by the ids of their merges."""
    if fields:
        corrections = [{"id": merge_id, "fields": values} for merge_id, values in fields.items()]
        await connection.execute(SET_FIELDS_SQL, (as_json(corrections), workspace_id))


async def forget_identities(connection: Connection, workspace_id: int, freed: Mapping[IdentityKey, int]) -> None:
    """Have no undone merge claim identities that those leads gave up."""
    if freed:
        keys = as_json([[kind, value] for _, kind, value in freed])
        values = {"w": workspace_id, "freed": keys, "winners": list({*freed.values()})}
        await connection.execute(FORGET_IDENTITIES_SQL, values)
