"""Who is who, decided by the database: the unique index on `identities`, not an `if`.

The lock order of every transaction that writes leads (docs/architecture.md): new identities sorted, then the losers
looked up, then existing leads by id, then tags sorted, then all else.
"""

from collections.abc import Sequence
from typing import Any

from services.workers.ingest.resolve import Resolution, corrections, resolve
from services.workers.ingest.submission import Key, Submission
from shared.db import Connection, Contended, as_json

ROUNDS = 3  # a key neither won nor found has just been let go by somebody: claim it again

# One JSON document: psycopg dumps arrays element by element, at ten times the price.
# Answers with the positions of the keys that were not won, which are few.
CLAIM = """
WITH wanted AS MATERIALIZED (
    SELECT (k.value->>0)::bigint AS w, k.value->>1 AS kind, k.value->>2 AS value, (k.value->>3)::bigint AS lead, k.nr
    FROM json_array_elements(%s::json) WITH ORDINALITY AS k(value, nr)
), won AS (
    INSERT INTO identities (workspace_id, kind, value, lead_id)
    SELECT w, kind, value, lead FROM wanted ORDER BY w, kind COLLATE "C", value COLLATE "C"
    ON CONFLICT DO NOTHING RETURNING workspace_id, kind, value
)
SELECT nr FROM wanted LEFT JOIN won ON won.workspace_id = w AND won.kind = wanted.kind AND won.value = wanted.value
WHERE won.workspace_id IS NULL
"""

# A statement of its own: the one before cannot see the row of a concurrent winner that it waited for.
LOSERS = """
SELECT i.workspace_id, i.kind, i.value, i.lead_id FROM json_array_elements(%s::json) k
JOIN identities i ON i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2
"""

CORRECT = """
UPDATE identities i SET lead_id = (k->>3)::bigint FROM json_array_elements(%s::json) k
WHERE i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2
"""

LOCK = """
SELECT l.workspace_id, l.id, l.first_name, l.last_name, l.email, l.phone, l.company, l.job_title, l.country, l.notes,
       l.custom_fields, l.tag_ids, l.possible_duplicate_of, (extract(epoch FROM l.submitted_at) * 1000)::bigint
FROM leads l JOIN json_array_elements(%s::json) k ON l.workspace_id = (k->>0)::bigint AND l.id = (k->>1)::bigint
ORDER BY l.workspace_id, l.id FOR UPDATE OF l
"""
LOCKED = (
    "workspace_id id first_name last_name email phone company job_title country notes custom_fields tag_ids "
    "possible_duplicate_of submitted_at"
).split()

State = dict[str, Any]  # a lead's fields as they are now, under lock


class Gone(Exception):
    """A lead was merged or deleted between lookup and lock."""


async def claim(
    connection: Connection, submissions: Sequence[Submission], new_ids: Sequence[int]
) -> tuple[Resolution, dict[int, State]]:
    """Resolves the submissions and locks the existing leads among theirs, by id.

    Raises Contended when other transactions kept changing the identities under it.
    """
    for _ in range(ROUNDS):
        try:
            resolution = await _identities(connection, submissions, new_ids)
            return resolution, await _lock(connection, submissions, resolution, new_ids)
        except Gone:
            continue
    raise Contended("identities kept changing")


async def _identities(connection: Connection, submissions: Sequence[Submission], new_ids: Sequence[int]) -> Resolution:
    fresh = resolve(submissions, {}, new_ids)
    wanted = list(fresh.owners.items())
    if not wanted:
        return fresh
    document = as_json([(*key, lead) for key, lead in wanted])
    lost = [wanted[row[0] - 1] for row in await (await connection.execute(CLAIM, (document,))).fetchall()]
    if not lost:
        return fresh
    rows = await (await connection.execute(LOSERS, (as_json([key for key, _ in lost]),))).fetchall()
    if len(rows) < len(lost):
        raise Gone
    known: dict[Key, int] = {(row[0], row[1], row[2]): row[3] for row in rows}
    resolution = resolve(submissions, known, new_ids)
    claimed = {key: lead for key, lead in wanted if key not in known}
    wrong = dict(corrections(claimed, resolution.owners))
    if wrong:
        await connection.execute(CORRECT, (as_json([(*key, lead) for key, lead in wrong.items()]),))
    return resolution


async def _lock(
    connection: Connection, submissions: Sequence[Submission], resolution: Resolution, new_ids: Sequence[int]
) -> dict[int, State]:
    fresh = set(new_ids)
    workspaces = {lead: s.workspace_id for s, lead in zip(submissions, resolution.leads, strict=True)}
    workspaces |= {other: workspaces[lead] for lead, other in resolution.pairs}
    existing = [(workspace, lead) for lead, workspace in workspaces.items() if lead not in fresh]
    if not existing:
        return {}
    rows = await (await connection.execute(LOCK, (as_json(existing),))).fetchall()
    if len(rows) < len(existing):
        raise Gone
    return {row[1]: dict(zip(LOCKED, row, strict=True)) for row in rows}
