"""Hand the phone of a lead over to a possible duplicate that shows the same phone.

A submission may have the email of one lead and the phone of another. It is merged into the first, which may then show
the phone that the second owns, and the two are noted as possible duplicates. When the second is deleted or gets another
phone, the number moves to the first. Otherwise it would identify no lead, and the next submission with it would make a
new one.
"""

from collections.abc import Collection, Mapping

from shared.leads.apply_batch import DUPLICATE_PAIR_REASON
from shared.leads.identities import IDENTITY_ROWS_SQL, identity_columns
from shared.leads.submission import IdentityKey, LeadKey
from shared.platform.db.connections import Connection, as_json

FIND_DUPLICATES_SQL = """
SELECT p.workspace_id, p.other_id FROM json_array_elements(%s::json) l
JOIN possible_duplicates p ON p.workspace_id = (l->>0)::bigint AND p.lead_id = (l->>1)::bigint
"""
LEAD_PHONES_SQL = """
SELECT workspace_id, kind, value FROM identities WHERE workspace_id = %s AND lead_id = %s AND kind = 'phone'
"""
# Other leads that show the phone are noted as possible duplicates of the new owner, as they were of the old one, so
# that the phone can move on to them later.
HAND_OVER_PHONES_SQL = f"""
WITH shown AS (
    SELECT l.workspace_id AS w, k.value, k.lead::bigint AS lead, l.id
    FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
    JOIN possible_duplicates p ON p.workspace_id = k.w::bigint AND p.lead_id = k.lead::bigint
    JOIN leads l ON l.workspace_id = p.workspace_id AND l.id = p.other_id AND l.phone = k.value
    WHERE k.kind = 'phone'
), owners AS (
    SELECT w, value, lead, min(id) AS owner FROM shown GROUP BY 1, 2, 3
), passed AS (
    UPDATE identities i SET lead_id = h.owner FROM owners h
    WHERE i.workspace_id = h.w AND i.kind = 'phone' AND i.value = h.value AND i.lead_id = h.lead
)
INSERT INTO possible_duplicates (workspace_id, lead_id, other_id, reason, score)
SELECT DISTINCT w, pair.lead, pair.other, '{DUPLICATE_PAIR_REASON}', 100
FROM owners JOIN shown USING (w, value, lead), LATERAL (VALUES (owner, id), (id, owner)) AS pair (lead, other)
WHERE id <> owner ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""


async def possible_duplicates_of(connection: Connection, leads: Collection[LeadKey]) -> set[LeadKey]:
    """Return the possible duplicates of those leads. Lock them too before phones are handed over."""
    if not leads:
        return set()
    rows = await (await connection.execute(FIND_DUPLICATES_SQL, (as_json(list(leads)),))).fetchall()
    return {(row[0], row[1]) for row in rows}


async def phones_of(connection: Connection, lead: LeadKey) -> dict[IdentityKey, int]:
    """Return all phones that identify a lead."""
    rows = await (await connection.execute(LEAD_PHONES_SQL, lead)).fetchall()
    return {(row[0], row[1], row[2]): lead[1] for row in rows}


async def hand_over_phones(connection: Connection, freed: Mapping[IdentityKey, int]) -> None:
    """Move phones that their leads are about to release to possible duplicates that show them."""
    if any(kind == "phone" for _, kind, _ in freed):
        await connection.execute(HAND_OVER_PHONES_SQL, identity_columns(freed))
