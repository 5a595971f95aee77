"""Claim identities: the unique index on `identities` decides which lead owns a contact, not an `if`.

These are the first three steps of the lock order of every transaction that writes leads (docs/architecture.md): claim
new identities, look up the owners of those that were taken, lock the leads by id.
"""

from collections.abc import Iterable, Mapping, Sequence

from shared.db import Rows, Statements, as_json
from shared.leads.references import LOCKS
from shared.leads.submission import Key, LeadKey, State

ROUNDS = 3  # a key neither won nor found was just released by another transaction: claim it again

# Each column travels as one JSON array, which is read in one pass. An array per key costs twice as much, because each
# member is looked up by reading the array again.
OWNED = """ROWS FROM (
    json_array_elements_text(%s::json), json_array_elements_text(%s::json), json_array_elements_text(%s::json),
    json_array_elements_text(%s::json)
)"""

# Returns the keys that were won. Before the first claim it takes the shared reference lock of the workspaces in the
# first array, and fails with a serialisation error if a version differs from the second array.
CLAIM = f"""
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT w::bigint, kind, value, lead::bigint FROM {OWNED} AS k(w, kind, value, lead)
WHERE ARRAY(
    SELECT hold_workspace({LOCKS}, id::bigint, version::bigint)
    FROM ROWS FROM (json_array_elements_text(%s::json), json_array_elements_text(%s::json)) AS held(id, version)
) IS NOT NULL
ORDER BY 1, kind COLLATE "C", value COLLATE "C"
ON CONFLICT DO NOTHING RETURNING workspace_id, kind, value
"""  # noqa: S608  # constants only

# A separate statement: the one before cannot see the row of a concurrent winner that it waited for.
OWNERS = """
SELECT i.workspace_id, i.kind, i.value, i.lead_id
FROM ROWS FROM (
    json_array_elements_text(%s::json), json_array_elements_text(%s::json), json_array_elements_text(%s::json)
) AS k(w, kind, value)
JOIN identities i ON i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
"""

_NAMED = "JOIN json_array_elements(%s::json) k ON l.workspace_id = (k->>0)::bigint AND l.id = (k->>1)::bigint"
_OWNED = f"WHERE (l.workspace_id, l.id) IN (SELECT workspace_id, lead_id FROM ({OWNERS}) held)"  # noqa: S608  # constants only
LOCK = "ORDER BY l.workspace_id, l.id FOR UPDATE OF l"

CORRECT = f"""
UPDATE identities i SET lead_id = k.lead::bigint FROM {OWNED} AS k(w, kind, value, lead)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
"""  # noqa: S608  # constants only

RELEASE = f"""
DELETE FROM identities i USING {OWNED} AS k(w, kind, value, lead)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value AND i.lead_id = k.lead::bigint
"""  # noqa: S608  # constants only


async def claim(connection: Statements, wanted: Mapping[Key, int], hold: Mapping[int, int] | None = None) -> list[Key]:
    """Make each key an identity of its lead unless another lead owns it. Return the keys that were not won.

    `hold` are the workspaces whose references are locked first, as by `reference_locks.lock_shared`: by id, with the
    versions that they must have. Raises a contention error if a version differs.
    """
    held = dict(sorted(hold.items())) if hold else {}
    asked = [*columns_of(wanted), as_json(list(held)), as_json(list(held.values()))]
    won = {*await (await connection.execute(CLAIM, asked)).fetchall()}
    return [key for key in wanted if key not in won]


async def owners(connection: Statements, keys: Iterable[Key]) -> dict[Key, int]:
    """Return the leads that own those keys now. A key without an owner is missing."""
    rows = await (await connection.execute(OWNERS, columns_of(dict.fromkeys(keys, 0))[:3])).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def correct(connection: Statements, owned: Mapping[Key, int]) -> None:
    """Assign keys that were won in this transaction to other leads."""
    await connection.execute(CORRECT, columns_of(owned))


async def release(connection: Statements, owned: Mapping[Key, int]) -> None:
    """Free the keys that those leads own. Do this last in a transaction, because others wait for it."""
    if owned:
        await connection.execute(RELEASE, columns_of(owned))


def columns_of(owned: Mapping[Key, int]) -> list[str]:
    """Return four JSON arrays: workspaces, kinds, values and leads."""
    workspaces, kinds, values = zip(*owned, strict=True) if owned else ((), (), ())
    return [as_json(column) for column in (workspaces, kinds, values, list(owned.values()))]


async def lock(connection: Statements, leads: Iterable[LeadKey], columns: Sequence[str]) -> dict[LeadKey, State]:
    """Lock leads in the order that all transactions use, and read them. A deleted lead is missing."""
    return await _states(connection, leads, columns, LOCK)


async def lock_owners(
    connection: Statements, keys: Sequence[Key], columns: Sequence[str]
) -> tuple[dict[int, State], dict[Key, int]]:
    """Lock the leads that own those keys. Return their states by id, and the owners of the keys as of the locks.

    An owner that is not among the locked leads got its key, or was deleted, in the meantime. A locked owner keeps it.
    """
    asked = columns_of(dict.fromkeys(keys, 0))[:3]
    # In pipeline mode this answer arrives with the next one.
    answer = await _ask(connection, _OWNED, asked, columns, LOCK)
    known = await owners(connection, keys)
    states = {state["id"]: state for state in await _read(answer, columns)}
    return states, known


async def look(connection: Statements, leads: Iterable[LeadKey], columns: Sequence[str]) -> dict[LeadKey, State]:
    """Read leads without a lock. A deleted lead is missing."""
    return await _states(connection, leads, columns, "")


async def _states(
    connection: Statements, leads: Iterable[LeadKey], columns: Sequence[str], order: str
) -> dict[LeadKey, State]:
    states = await _read(await _ask(connection, _NAMED, [as_json(list(leads))], columns, order), columns)
    return {(state["workspace_id"], state["id"]): state for state in states}


async def _ask(connection: Statements, of: str, documents: list[str], columns: Sequence[str], order: str) -> Rows:
    names = ", ".join(f"l.{column}" for column in columns)
    statement = f"SELECT {names}, (extract(epoch FROM l.submitted_at) * 1000)::bigint FROM leads l {of} {order}"  # noqa: S608
    return await connection.execute(statement, documents)


async def _read(answer: Rows, columns: Sequence[str]) -> list[State]:
    return [dict(zip((*columns, "submitted_at"), row, strict=True)) for row in await answer.fetchall()]
