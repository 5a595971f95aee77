"""Who is who, decided by the database: the unique index on `identities`, not an `if`.

The first three steps of the lock order of every transaction that writes leads (docs/architecture.md): claim new
identities, look the losers up, lock the leads by id.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.db import Connection, Cursor, as_json
from shared.leads.submission import Key, LeadKey

State = dict[str, Any]  # a lead's fields as they are now

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
OWNERS = """
SELECT i.workspace_id, i.kind, i.value, i.lead_id FROM json_array_elements(%s::json) k
JOIN identities i ON i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2
"""

_NAMED = "JOIN json_array_elements(%s::json) k ON l.workspace_id = (k->>0)::bigint AND l.id = (k->>1)::bigint"
_OWNED = """
WHERE (l.workspace_id, l.id) IN (
    SELECT i.workspace_id, i.lead_id FROM json_array_elements(%s::json) k
    JOIN identities i ON i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2)
"""
LOCK = "ORDER BY l.workspace_id, l.id FOR UPDATE OF l"

CORRECT = """
UPDATE identities i SET lead_id = (k->>3)::bigint FROM json_array_elements(%s::json) k
WHERE i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2
"""

RELEASE = """
DELETE FROM identities i USING json_array_elements(%s::json) k
WHERE i.workspace_id = (k->>0)::bigint AND i.kind = k->>1 AND i.value = k->>2 AND i.lead_id = (k->>3)::bigint
"""


async def claim(connection: Connection, wanted: Mapping[Key, int]) -> list[Key]:
    """Makes each key an identity of its lead where nobody holds it; answers with the keys that somebody does hold."""
    keys = list(wanted)
    document = as_json([(*key, wanted[key]) for key in keys])
    return [keys[row[0] - 1] for row in await (await connection.execute(CLAIM, (document,))).fetchall()]


async def owners(connection: Connection, keys: Iterable[Key]) -> dict[Key, int]:
    """The leads that hold those keys now; a key that nobody holds is missing."""
    rows = await (await connection.execute(OWNERS, (as_json(list(keys)),))).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def correct(connection: Connection, owned: Mapping[Key, int]) -> None:
    """Gives keys, all won in this transaction, to other leads."""
    await connection.execute(CORRECT, (as_json([(*key, lead) for key, lead in owned.items()]),))


async def release(connection: Connection, owned: Mapping[Key, int]) -> None:
    """Frees keys as far as those leads hold them. The last thing that a transaction does: others wait on it."""
    if owned:
        await connection.execute(RELEASE, (as_json([(*key, lead) for key, lead in owned.items()]),))


async def lock(connection: Connection, leads: Iterable[LeadKey], columns: Sequence[str]) -> dict[LeadKey, State]:
    """Locks leads in the one order that all transactions keep to, and reads them; one that is gone is missing."""
    return await _states(connection, leads, columns, LOCK)


async def lock_owners(
    connection: Connection, keys: Sequence[Key], columns: Sequence[str]
) -> tuple[dict[int, State], dict[Key, int]]:
    """Locks and reads, by id, the leads that hold those keys; and who holds them then.

    An owner that is not among the locked leads has got its key, or gone, meanwhile. One that is keeps it.
    """
    answer = await _ask(connection, _OWNED, keys, columns, LOCK)  # answered along with the next, in pipeline mode
    known = await owners(connection, keys)
    states = {state["id"]: state for state in await _read(answer, columns)}
    return states, known


async def look(connection: Connection, leads: Iterable[LeadKey], columns: Sequence[str]) -> dict[LeadKey, State]:
    """Reads the same without a lock."""
    return await _states(connection, leads, columns, "")


async def _states(
    connection: Connection, leads: Iterable[LeadKey], columns: Sequence[str], order: str
) -> dict[LeadKey, State]:
    states = await _read(await _ask(connection, _NAMED, list(leads), columns, order), columns)
    return {(state["workspace_id"], state["id"]): state for state in states}


async def _ask(connection: Connection, of: str, document: Sequence[Any], columns: Sequence[str], order: str) -> Cursor:
    names = ", ".join(f"l.{column}" for column in columns)
    statement = f"SELECT {names}, (extract(epoch FROM l.submitted_at) * 1000)::bigint FROM leads l {of} {order}"  # noqa: S608
    return await connection.execute(statement, (as_json(document),))


async def _read(answer: Cursor, columns: Sequence[str]) -> list[State]:
    return [dict(zip((*columns, "submitted_at"), row, strict=True)) for row in await answer.fetchall()]
