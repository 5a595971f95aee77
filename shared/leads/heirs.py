"""Phones that a lead lets go while another shows them.

A submission whose email belongs to one lead and whose phone to another is merged into the first, which may come to show
the phone that the second holds; the two are noted as possible duplicates. When the second is deleted, or gets another
phone, the number passes on to the first: else it would identify nobody, and who next comes with it would be a new lead.
"""

from collections.abc import Collection, Mapping

from shared.db import Connection, as_json
from shared.leads.apply import PAIRED
from shared.leads.identities import OWNED, columns_of
from shared.leads.submission import Key, LeadKey

KIN = """
SELECT p.workspace_id, p.other_id FROM json_array_elements(%s::json) l
JOIN possible_duplicates p ON p.workspace_id = (l->>0)::bigint AND p.lead_id = (l->>1)::bigint
"""
PHONES = """
SELECT workspace_id, kind, value FROM identities WHERE workspace_id = %s AND lead_id = %s AND kind = 'phone'
"""
# The others who show the phone are noted with its heir, as they were with who let it go: it is theirs one day.
BEQUEATH = f"""
WITH shown AS (
    SELECT l.workspace_id AS w, k.value, k.lead::bigint AS lead, l.id
    FROM {OWNED} AS k(w, kind, value, lead)
    JOIN possible_duplicates p ON p.workspace_id = k.w::bigint AND p.lead_id = k.lead::bigint
    JOIN leads l ON l.workspace_id = p.workspace_id AND l.id = p.other_id AND l.phone = k.value
    WHERE k.kind = 'phone'
), heirs AS (
    SELECT w, value, lead, min(id) AS heir FROM shown GROUP BY 1, 2, 3
), passed AS (
    UPDATE identities i SET lead_id = h.heir FROM heirs h
    WHERE i.workspace_id = h.w AND i.kind = 'phone' AND i.value = h.value AND i.lead_id = h.lead
)
INSERT INTO possible_duplicates (workspace_id, lead_id, other_id, reason, score)
SELECT DISTINCT w, pair.lead, pair.other, '{PAIRED}', 100
FROM heirs JOIN shown USING (w, value, lead), LATERAL (VALUES (heir, id), (id, heir)) AS pair (lead, other)
WHERE id <> heir ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""  # noqa: S608  # constants only


async def kin(connection: Connection, leads: Collection[LeadKey]) -> set[LeadKey]:
    """The possible duplicates of those leads: who bequeaths has them locked as well."""
    if not leads:
        return set()
    rows = await (await connection.execute(KIN, (as_json(list(leads)),))).fetchall()
    return {(row[0], row[1]) for row in rows}


async def phones_of(connection: Connection, lead: LeadKey) -> dict[Key, int]:
    """All phones that identify a lead."""
    rows = await (await connection.execute(PHONES, lead)).fetchall()
    return {(row[0], row[1], row[2]): lead[1] for row in rows}


async def bequeath(connection: Connection, freed: Mapping[Key, int]) -> None:
    """Passes phones on that their leads are about to let go, as far as a possible duplicate shows them."""
    if any(kind == "phone" for _, kind, _ in freed):
        await connection.execute(BEQUEATH, columns_of(freed))
