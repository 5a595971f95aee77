"""Find the further leads of pairs: leads that are probably the same third, fourth … form of one person.

A group is a pair with the leads that are likely to be one person with either of its leads. It goes one step: a closure
of all steps would chain strangers together.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from shared.likeness.pair_list import PairDict, min_bits_of
from shared.platform.db.connections import Connection

FurtherLead = dict[str, Any]  # a lead in short, its `score`, and `alike_id`: whom of the pair it is alike

LIKELY_SCORE = 0.9  # of a pair with a further lead; below it a pair is possible, not likely
MIN_GROUP_BITS = -14.0  # of any stored pair within a group: less is strong evidence against it
MAX_GROUP_LEADS = 20  # leads of a group, with those of its pair

# Each lead's stored pairs are read once, by the index of either direction, however many pairs of the page have it.
# Pairs that speak against a group are among the same rows. `given` leads belong to it unless something speaks against.
# A few leads may be gone whose pairs are there still, so twice as many as are shown are looked up.
GROUPS_SQL = """
WITH asked AS MATERIALIZED (
    SELECT pair.place, pair.lead_a, pair.lead_b, side.lead_id
    FROM unnest(%(places)s::bigint[], %(firsts)s::bigint[], %(seconds)s::bigint[]) AS pair(place, lead_a, lead_b)
    CROSS JOIN LATERAL unnest(ARRAY[pair.lead_a, pair.lead_b]) AS side(lead_id)
), sides AS MATERIALIZED (
    SELECT DISTINCT lead_id FROM asked
), known AS MATERIALIZED (
    SELECT s.lead_id, p.lead_b AS other_id, p.state, p.bits, p.probability
    FROM sides s JOIN duplicate_pairs p ON p.workspace_id = %(workspace)s AND p.lead_a = s.lead_id
    WHERE p.state IN ('open', 'dismissed') OR p.bits < %(against_bits)s
    UNION ALL
    SELECT s.lead_id, p.lead_a, p.state, p.bits, p.probability
    FROM sides s JOIN duplicate_pairs p ON p.workspace_id = %(workspace)s AND p.lead_b = s.lead_id
    WHERE p.state IN ('open', 'dismissed') OR p.bits < %(against_bits)s
    UNION ALL
    SELECT s.lead_id, g.id, 'given', NULL, NULL FROM sides s CROSS JOIN unnest(%(given)s::bigint[]) AS g(id)
), further AS (
    SELECT a.place, k.other_id AS id, max(k.bits) FILTER (WHERE k.state = 'open') AS bits,
           max(k.probability) FILTER (WHERE k.state = 'open') AS probability,
           (array_agg(k.lead_id ORDER BY k.bits DESC) FILTER (WHERE k.state = 'open'))[1] AS alike_id
    FROM asked a JOIN known k ON k.lead_id = a.lead_id
    WHERE k.other_id NOT IN (a.lead_a, a.lead_b)
    GROUP BY a.place, k.other_id
    HAVING (bool_or(k.state = 'given') OR max(k.bits) FILTER (WHERE k.state = 'open') >= %(likely_bits)s)
       AND NOT coalesce(bool_or(k.state = 'dismissed' OR k.bits < %(against_bits)s), false)
), likeliest AS (
    SELECT * FROM (
        SELECT f.*, row_number() OVER (PARTITION BY f.place ORDER BY f.bits DESC NULLS LAST, f.id) AS rank
        FROM further f) numbered
    WHERE rank <= 2 * %(limit)s
), living AS (
    SELECT f.place, f.alike_id, f.probability, l.id, l.first_name, l.last_name, l.email, l.phone, l.company,
           row_number() OVER (PARTITION BY f.place ORDER BY f.rank) AS rank
    FROM likeliest f JOIN leads l ON l.workspace_id = %(workspace)s AND l.id = f.id
)
SELECT place, id, first_name, last_name, email, phone, company, round(probability::numeric, 4)::float8 AS score,
       alike_id
FROM living WHERE rank <= %(limit)s ORDER BY place, rank
"""


class AskedGroup(NamedTuple):
    """Two leads, or one lead twice, whose group is asked for. `place` tells several apart."""

    place: int
    first: int
    second: int


async def add_groups(connection: Connection, workspace_id: int, pairs: Iterable[PairDict]) -> None:
    """Give each pair its `group`: the further leads, likeliest first. Pairs that are not open have none."""
    by_id = {pair["id"]: pair for pair in pairs}
    for pair in by_id.values():
        pair["group"] = []
    asked = [AskedGroup(id_, *pair["lead_ids"]) for id_, pair in by_id.items() if pair["state"] == "open"]
    for lead in await _read_further(connection, workspace_id, asked):
        by_id[lead.pop("place")]["group"].append(lead)


async def find_further(
    connection: Connection, workspace_id: int, lead_ids: Collection[int], requested_ids: Collection[int] = ()
) -> list[FurtherLead]:
    """Return the further leads of one or two leads, likeliest first.

    Leads of `requested_ids` are among them unless somebody or the evidence says that they are other people. One that no
    open pair names has neither a score nor an `alike_id`.
    """
    leads = tuple(lead_ids)
    return await _read_further(connection, workspace_id, [AskedGroup(0, leads[0], leads[-1])], requested_ids)


async def _read_further(
    connection: Connection, workspace_id: int, groups: list[AskedGroup], requested_ids: Collection[int] = ()
) -> list[FurtherLead]:
    if not groups:
        return []
    places, firsts, seconds = zip(*groups, strict=True)
    values = {
        "workspace": workspace_id,
        "places": list(places),
        "firsts": list(firsts),
        "seconds": list(seconds),
        "given": list(requested_ids),
        "likely_bits": min_bits_of(LIKELY_SCORE),
        "against_bits": MIN_GROUP_BITS,
        "limit": MAX_GROUP_LEADS - 2,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(GROUPS_SQL, values)
        return await cursor.fetchall()
