"""Where the ids of merged leads lead to. Ask only when a lead was not found: hardly any lead was merged."""

from collections.abc import Collection

from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection, StatementExecutor, as_json

FIND_WINNERS_SQL = """
SELECT r.workspace_id, r.lead_id, r.winner_id FROM json_array_elements(%s::json) k
JOIN lead_redirects r ON r.workspace_id = (k->>0)::bigint AND r.lead_id = (k->>1)::bigint
"""
FIND_LEAD_SQL = "SELECT 1 FROM leads WHERE workspace_id = %s AND id = %s"
# Redirects always lead to a lead that exists: those that led to the loser lead to the winner from now on.
ADD_REDIRECT_SQL = """
WITH further AS (UPDATE lead_redirects SET winner_id = %(winner)s WHERE workspace_id = %(w)s AND winner_id = %(loser)s)
INSERT INTO lead_redirects (workspace_id, lead_id, winner_id) VALUES (%(w)s, %(loser)s, %(winner)s)
"""
# Those that had merged into the loser lead to it again.
REMOVE_REDIRECT_SQL = """
WITH RECURSIVE into_loser AS (
    SELECT loser_id FROM lead_merges WHERE workspace_id = %(w)s AND winner_id = %(loser)s AND undone_at IS NULL
    UNION SELECT m.loser_id FROM into_loser i JOIN lead_merges m
        ON m.workspace_id = %(w)s AND m.winner_id = i.loser_id AND m.undone_at IS NULL
), back AS (
    UPDATE lead_redirects SET winner_id = %(loser)s
    WHERE workspace_id = %(w)s AND lead_id IN (SELECT loser_id FROM into_loser)
)
DELETE FROM lead_redirects WHERE workspace_id = %(w)s AND lead_id = %(loser)s
"""
MERGED_IDS_SQL = "SELECT lead_id FROM lead_redirects WHERE workspace_id = %s AND winner_id = %s ORDER BY 1"
FORGET_MERGES_SQL = (
    "DELETE FROM lead_merges WHERE workspace_id = %(w)s AND (winner_id = ANY(%(ids)s) OR loser_id = ANY(%(ids)s))",
    "DELETE FROM lead_redirects WHERE workspace_id = %(w)s AND lead_id = ANY(%(ids)s)",
    "DELETE FROM conversions WHERE workspace_id = %(w)s AND lead_id = ANY(%(ids)s)",
    """DELETE FROM duplicate_pairs
       WHERE workspace_id = %(w)s AND (lead_a = ANY(%(ids)s) OR lead_b = ANY(%(ids)s))""",
)


async def find_winners(connection: StatementExecutor, leads: Collection[LeadKey]) -> dict[LeadKey, int]:
    """Return the leads that answer for those leads. A lead that was not merged is missing."""
    if not leads:
        return {}
    rows = await (await connection.execute(FIND_WINNERS_SQL, (as_json(list(leads)),))).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def find_winner(connection: StatementExecutor, workspace_id: int, lead_id: int) -> int | None:
    """Return the lead that answers for a lead, or None if it was not merged."""
    return (await find_winners(connection, [(workspace_id, lead_id)])).get((workspace_id, lead_id))


async def find_answering_lead(connection: Connection, workspace_id: int, lead_id: int) -> int | None:
    """Return the lead that answers for an id: itself, or the one that it was merged into; None if there is none."""
    if await (await connection.execute(FIND_LEAD_SQL, (workspace_id, lead_id))).fetchone():
        return lead_id
    return await find_winner(connection, workspace_id, lead_id)


async def add_redirect(connection: Connection, workspace_id: int, loser: int, winner: int) -> None:
    """Have the loser's id, and all ids that lead to it, lead to the winner."""
    await connection.execute(ADD_REDIRECT_SQL, {"w": workspace_id, "loser": loser, "winner": winner})


async def remove_redirect(connection: Connection, workspace_id: int, loser: int) -> None:
    """Have the loser's id, and those of all leads that merged into it, lead to it again."""
    await connection.execute(REMOVE_REDIRECT_SQL, {"w": workspace_id, "loser": loser})


async def merged_ids(connection: StatementExecutor, workspace_id: int, lead_id: int) -> list[int]:
    """Return the ids of the leads that have merged into a lead, by whatever way."""
    rows = await (await connection.execute(MERGED_IDS_SQL, (workspace_id, lead_id))).fetchall()
    return [row[0] for row in rows]


async def forget_merges(connection: Connection, workspace_id: int, lead_id: int) -> None:
    """Delete all merges of a lead and of those that merged into it, with their snapshots. Lock the lead first.

    None of these ids leads anywhere afterwards.
    """
    ids = [lead_id, *await merged_ids(connection, workspace_id, lead_id)]
    for statement in FORGET_MERGES_SQL:
        await connection.execute(statement, {"w": workspace_id, "ids": ids})
