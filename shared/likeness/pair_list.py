"""List pairs of leads that are probably one person, likeliest first."""

import math
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from shared.platform.db.connections import Connection

PairDict = dict[str, Any]

PAIR_STATES = ("open", "dismissed", "merged")
MAX_BITS = 1000.0  # more than any pair has
MAX_OPEN_PAIRS = 10_000  # pairs that are counted for a figure beside another page

MATCHING_SQL = "p.workspace_id = %(workspace)s AND p.state = %(state)s AND p.bits >= %(min_bits)s"
# A pair whose lead is gone is shown only as merged: one lead of it went into the other.
SHOWN_PAIRS_SQL = f"""
FROM duplicate_pairs p
LEFT JOIN leads a ON a.workspace_id = p.workspace_id AND a.id = p.lead_a
LEFT JOIN leads b ON b.workspace_id = p.workspace_id AND b.id = p.lead_b
WHERE {MATCHING_SQL} AND (p.state = 'merged' OR (a.id IS NOT NULL AND b.id IS NOT NULL))
"""
# Without the leads the index has all that a count needs. It is too high for the seconds that a deleted lead's pairs
# live on.
COUNT_SQL = f"SELECT count(*) FROM duplicate_pairs p WHERE {MATCHING_SQL}"
# An OR over both would read all pairs of the workspace.
OF_LEAD_SQL = """
  AND p.id = ANY (ARRAY(SELECT id FROM duplicate_pairs WHERE workspace_id = %(workspace)s AND lead_a = %(lead)s
                        UNION ALL
                        SELECT id FROM duplicate_pairs WHERE workspace_id = %(workspace)s AND lead_b = %(lead)s))
"""
AFTER_SQL = " AND (p.bits, p.id) < (%(after_bits)s, %(after_id)s)"
SHORT_LEAD_SQL = """
json_build_object('id', p.lead_{0}, 'first_name', {0}.first_name, 'last_name', {0}.last_name, 'email', {0}.email,
                  'phone', {0}.phone, 'company', {0}.company)
"""
PAIR_COLUMNS_SQL = f"""
SELECT p.id, json_build_array(p.lead_a, p.lead_b) AS lead_ids,
       json_build_array({SHORT_LEAD_SQL.format("a")}, {SHORT_LEAD_SQL.format("b")}) AS leads,
       round(p.probability::numeric, 4)::float8 AS score, p.reasons, p.state, p.dismissed_by, p.dismissed_at,
       p.merge_id, p.created_at, p.bits
"""
OPEN_PAIRS_SQL = f"""
SELECT count(*) FROM (
    SELECT FROM duplicate_pairs WHERE workspace_id = %s AND state = 'open' AND bits >= %s LIMIT {MAX_OPEN_PAIRS}) found
"""
ONE_PAIR_SQL = f"""
{PAIR_COLUMNS_SQL} FROM duplicate_pairs p
LEFT JOIN leads a ON a.workspace_id = p.workspace_id AND a.id = p.lead_a
LEFT JOIN leads b ON b.workspace_id = p.workspace_id AND b.id = p.lead_b
WHERE p.workspace_id = %s AND p.id = %s
"""  # constants only


class PairFilter(NamedTuple):
    """Which pairs are listed. `min_score` is from 0 to 1."""

    state: str = "open"
    min_score: float | None = None
    lead_id: int | None = None


class PairPosition(NamedTuple):
    """The position after a pair in the list: its bits and its id."""

    bits: float
    id: int


async def list_pairs(
    connection: Connection,
    workspace_id: int,
    which: PairFilter,
    *,
    limit: int,
    offset: int = 0,
    after: PairPosition | None = None,
) -> list[PairDict]:
    """Return pairs with `bits`, which orders them and is not for clients: see `PairPosition`."""
    statement = f"{PAIR_COLUMNS_SQL}{SHOWN_PAIRS_SQL}{_of_lead(which)}{AFTER_SQL if after else ''}"
    statement += " ORDER BY p.bits DESC, p.id DESC LIMIT %(limit)s OFFSET %(offset)s"
    values = _values(workspace_id, which) | {"limit": limit, "offset": offset}
    if after:
        values |= {"after_bits": after.bits, "after_id": after.id}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


async def count_pairs(connection: Connection, workspace_id: int, which: PairFilter) -> int:
    """Return how many pairs match."""
    cursor = await connection.execute(f"{COUNT_SQL}{_of_lead(which)}", _values(workspace_id, which))
    return int((await cursor.fetchall())[0][0])


async def count_open_pairs(connection: Connection, workspace_id: int, min_score: float | None = None) -> int:
    """Return how many pairs are open, at most `MAX_OPEN_PAIRS`: a figure beside the page, which costs little."""
    cursor = await connection.execute(OPEN_PAIRS_SQL, (workspace_id, _min_bits(min_score)))
    return int((await cursor.fetchall())[0][0])


async def read_pair(connection: Connection, workspace_id: int, pair_id: int) -> PairDict | None:
    """Return one pair, or None."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(ONE_PAIR_SQL, (workspace_id, pair_id))
        return await cursor.fetchone()


def min_bits_of(score: float) -> float:
    """Return the bits of the lowest probability that is shown as this score, with four digits."""
    lowest = score - 0.00005
    if lowest <= 0:
        return -MAX_BITS
    return math.log2(lowest / (1 - lowest)) if lowest < 1 else MAX_BITS


def _of_lead(which: PairFilter) -> str:
    return OF_LEAD_SQL if which.lead_id is not None else ""


def _values(workspace_id: int, which: PairFilter) -> dict[str, Any]:
    min_bits = _min_bits(which.min_score)
    return {"workspace": workspace_id, "state": which.state, "min_bits": min_bits, "lead": which.lead_id}


def _min_bits(score: float | None) -> float:
    return -MAX_BITS if score is None else min_bits_of(score)
