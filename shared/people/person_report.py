"""Everything that is held on a person, as one JSON document that is written piece by piece."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from psycopg.rows import dict_row

from shared.intake.submission_lookup import decode_payload, pending_record
from shared.leads.lead_records import read_leads
from shared.people.person_scope import PersonScope
from shared.people.personal_tables import PERSONAL_TABLES
from shared.people.waiting_people import list_waiting
from shared.platform.db.connections import Connection

REPORT_FORMAT = 1
SUBMISSIONS_PER_READ = 200
SUBMISSIONS_SQL = """
SELECT s.id, s.received_at, s.processed_at, s.state, s.channel, s.source, s.lead_id, s.is_duplicate, s.matched_on,
       s.payload, s.changes, s.warnings, s.error, s.attempts, s.spam, s.rejected_at
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, received_at)
JOIN submissions s ON s.workspace_id = %(w)s AND s.id = w.id AND s.received_at = w.received_at
ORDER BY s.received_at, s.id
"""
# What the areas beside the list of tables hold.
OTHER_SECTIONS = {
    "merges": """
        SELECT id, winner_id, loser_id, cause, merged_at, changes, loser, undone_at FROM lead_merges
        WHERE workspace_id = %(w)s AND (winner_id = ANY(%(lead)s) OR loser_id = ANY(%(lead)s)) ORDER BY id""",
    "duplicate_pairs": """
        SELECT lead_a, lead_b, state, probability, reasons, created_at FROM duplicate_pairs
        WHERE workspace_id = %(w)s AND (lead_a = ANY(%(lead)s) OR lead_b = ANY(%(lead)s)) ORDER BY id""",
    "likeness": "SELECT profile FROM likeness_profiles WHERE workspace_id = %(w)s AND lead_id = ANY(%(lead)s)",
    "import_rows": """
        SELECT import_id, row, state, reasons, cells FROM import_rows
        WHERE workspace_id = %(w)s AND lead_id = ANY(%(lead)s) ORDER BY import_id, row""",
}


async def write_report(connection: Connection, person: PersonScope, link: str) -> AsyncIterator[bytes]:
    """Yield the document in pieces. `link` is the address of a file, with `{id}` in the place of its id.

    All of it is one object under `data`, so that a document that was cut cannot be taken for the whole.
    """
    yield b'{"data":{"format":%d' % REPORT_FORMAT
    async for name, rows in _sections(connection, person, link):
        yield b",%s:%s" % (orjson.dumps(name), orjson.dumps(rows, default=_as_text))
    yield b"}}"


async def _sections(connection: Connection, person: PersonScope, link: str) -> AsyncIterator[tuple[str, Any]]:
    keys = [(person.workspace_id, lead_id) for lead_id in person.lead_ids]
    yield "lead_ids", person.lead_ids
    yield "lead", (await read_leads(connection, keys)).get(keys[0])
    yield "submissions", await _submissions(connection, person)
    waiting = await list_waiting(connection, person.workspace_id, person.identities)
    yield "waiting_submissions", [{**pending_record(item), "body": item["body"]} for item in waiting]
    values = person.parameters()
    for table in PERSONAL_TABLES:
        statement = f"SELECT * FROM {table.name} WHERE {table.condition} ORDER BY 1, 2"
        rows = await _rows(connection, statement, values)
        shown = [_shown(row, table.hidden) for row in rows]
        if table.name == "files":
            shown = [{**row, "url": link.format(id=row["id"])} for row in shown]
        yield table.name, shown
    for name, statement in OTHER_SECTIONS.items():
        yield name, await _rows(connection, statement, values)


async def _submissions(connection: Connection, person: PersonScope) -> list[dict[str, Any]]:
    """Return the submissions with what was sent, and the whole of what is stored."""
    records: list[dict[str, Any]] = []
    for start in range(0, len(person.submissions), SUBMISSIONS_PER_READ):
        part = person.submissions[start : start + SUBMISSIONS_PER_READ]
        values = {"w": person.workspace_id, "ids": [one.id for one in part], "times": [one.received_at for one in part]}
        for row in await _rows(connection, SUBMISSIONS_SQL, values):
            stored = bytes(row["payload"])
            records.append({**row, **decode_payload(stored), "stored": _json_or_text(stored)})
    return records


async def _rows(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


def _shown(row: dict[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in (*hidden, "workspace_id")}
    return {name: _json_or_text(bytes(value)) if isinstance(value, bytes) else value for name, value in shown.items()}


def _json_or_text(stored: bytes) -> Any:
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return stored.decode(errors="replace")


def _as_text(value: Any) -> str:
    return str(value)
