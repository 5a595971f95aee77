"""Who is who, decided by the database: the unique index on `identities`, not an `if`.

The lock order of every transaction that writes leads (docs/architecture.md): new identities sorted, then the losers
looked up, then existing leads by id, then tags sorted, then all else.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from services.workers.ingest.resolve import Resolution, corrections, resolve
from services.workers.ingest.submission import Key, Submission
from shared.db import Connection, Contended, as_json

ROUNDS = 3  # a key neither won nor found has just been let go by somebody: claim it again

# One JSON document: psycopg dumps arrays element by element, at ten times the price.
KEYS = """
(SELECT (k->>0)::bigint AS w, k->>1 AS kind, k->>2 AS value, (k->>3)::bigint AS claimed
 FROM json_array_elements(%s::json) k) c
"""
CLAIM = f"""
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT w, kind, value, claimed FROM {KEYS} ORDER BY w, kind COLLATE "C", value COLLATE "C"
ON CONFLICT DO NOTHING
"""  # noqa: S608  # constants only

# A statement of its own: the one before cannot see the row of a concurrent winner that it waited for.
LOSERS = f"""
SELECT count(*), coalesce(json_agg(json_build_array(i.workspace_id, i.kind, i.value, i.lead_id))
                          FILTER (WHERE i.lead_id <> c.claimed), '[]')::text
FROM {KEYS} JOIN identities i ON i.workspace_id = c.w AND i.kind = c.kind AND i.value = c.value
"""  # noqa: S608  # constants only

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
    wanted = resolve(submissions, {}, new_ids).owners
    if not wanted:
        return resolve(submissions, {}, new_ids)
    document = _dump(wanted)
    won = (await connection.execute(CLAIM, (document,))).rowcount
    if won == len(wanted):
        return resolve(submissions, {}, new_ids)
    found, losers = await (await connection.execute(LOSERS, (document,))).fetchone() or (0, "[]")
    if found < len(wanted):
        raise Gone
    known: dict[Key, int] = {(key[0], key[1], key[2]): key[3] for key in orjson.loads(losers)}
    resolution = resolve(submissions, known, new_ids)
    claimed = {key: lead for key, lead in wanted.items() if key not in known}
    wrong = dict(corrections(claimed, resolution.owners))
    if wrong:
        await connection.execute(CORRECT, (_dump(wrong),))
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


def _dump(owners: dict[Key, int]) -> str:
    return as_json([(*key, lead) for key, lead in owners.items()])
