"""What an erasure would take, group by group, in one list that adds up. Nothing is changed."""

from typing import Any, NamedTuple

from shared.people.person_scope import PersonScope, needle_pattern
from shared.people.personal_tables import GROUP_NAMES, PERSONAL_TABLES, QUOTING_COLUMNS, PersonalGroup
from shared.platform.db.connections import Connection

# What stays, and why, by group.
STAYING: dict[PersonalGroup, str] = {
    "leads": "Their numbers, so that nothing else can be taken for them.",
    "identities": "A keyed hash of each, so that a restored backup does not bring them back.",
    "submissions": "Their ids, times and channels without content, so that a redelivery is known and counts stay true.",
    "timeline": "One entry that says that the lead is gone.",
    "runs": "A waiting run ends.",
    "deliveries": "Receivers are told lead.deleted, with the number alone.",
    "imports": "The numbers of the rows.",
    "audit_log": "The entries, with the person's name and addresses replaced.",
}
IMPORT_ROWS_SQL = "SELECT count(*) FROM import_rows WHERE workspace_id = %(w)s AND lead_id = ANY(%(lead)s)"
PAIRS_SQL = """
SELECT (SELECT count(*) FROM duplicate_pairs
        WHERE workspace_id = %(w)s AND (lead_a = ANY(%(lead)s) OR lead_b = ANY(%(lead)s)))
     + (SELECT count(*) FROM lead_merges
        WHERE workspace_id = %(w)s AND (winner_id = ANY(%(lead)s) OR loser_id = ANY(%(lead)s)))
"""
RECEIVERS_SQL = """
SELECT endpoint, kind, count(*) FROM deliveries
WHERE workspace_id = %(w)s AND id = ANY(%(delivery)s) AND state = 'sent' GROUP BY 1, 2 ORDER BY 3 DESC
"""


class HeldGroup(NamedTuple):
    """What is held of one kind: how much, how much of it goes, and what stays of it."""

    kind: PersonalGroup
    held: int
    goes: int
    stays: str | None


async def preview_erasure(connection: Connection, person: PersonScope) -> list[HeldGroup]:
    """Return what an erasure would take."""
    values, counts = person.parameters(), dict.fromkeys(GROUP_NAMES, 0)
    for table in PERSONAL_TABLES:
        if table.counted:
            statement = f"SELECT count(*) FROM {table.name} WHERE {table.condition}"
            counts[table.group] += await _count(connection, statement, values)
    counts["leads"] = len(person.lead_ids)
    counts["submissions"] += len(person.submissions)
    counts["likeness"] += await _count(connection, PAIRS_SQL, values)
    counts["imports"] = await _count(connection, IMPORT_ROWS_SQL, values)
    counts["audit_log"] = await _count_quotations(connection, person)
    return [
        HeldGroup(kind, counts[kind], 0 if kind == "audit_log" else counts[kind], STAYING.get(kind))
        for kind in GROUP_NAMES
    ]


async def count_sent(connection: Connection, person: PersonScope) -> dict[str, int]:
    """Return how many messages receivers have got about the person, by the kind of message: nothing reaches these."""
    rows = await (await connection.execute(RECEIVERS_SQL, person.parameters())).fetchall()
    counts: dict[str, int] = {}
    for _, kind, n in rows:
        counts[kind] = counts.get(kind, 0) + int(n)
    return counts


async def _count_quotations(connection: Connection, person: PersonScope) -> int:
    if not person.needles:
        return 0
    quoted = " OR ".join(f"{column}::text ~* %(pattern)s" for column in QUOTING_COLUMNS["audit_log"])
    statement = f"SELECT count(*) FROM audit_log WHERE workspace_id = %(w)s AND ({quoted})"
    return await _count(connection, statement, {"w": person.workspace_id, "pattern": needle_pattern(person.needles)})


async def _count(connection: Connection, statement: str, values: dict[str, Any]) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    return int(row[0]) if row else 0
