"""Claim identities: the unique index on `identities` decides which lead owns a contact, not an `if`.

These are the first three steps of the lock order of every transaction that writes leads (docs/architecture.md): claim
new identities, look up the owners of those that were taken, lock the leads by id.
"""

from collections.abc import Iterable, Mapping, Sequence

from shared.leads.submission import IdentityKey, LeadKey, LeadState
from shared.platform.db.advisory_locks import REFERENCE_LOCK_CLASS
from shared.platform.db.connections import StatementExecutor, StatementResult, as_json

MAX_CLAIM_ROUNDS = 3  # a key neither won nor found was just released by another transaction: claim it again

# Each column travels as one JSON array, which is read in one pass. An array per key costs twice as much, because each
# member is looked up by reading the array again.
IDENTITY_ROWS_SQL = """ROWS FROM (
    json_array_elements_text(%s::json), json_array_elements_text(%s::json), json_array_elements_text(%s::json),
    json_array_elements_text(%s::json)
)"""

# Returns the keys that were won. Before the first claim it takes the shared reference lock of the workspaces in the
# first array, and fails with a serialisation error if a version differs from the second array.
CLAIM_IDENTITIES_SQL = f"""
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT w::bigint, kind, value, lead::bigint FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
WHERE ARRAY(
    SELECT hold_workspace({REFERENCE_LOCK_CLASS}, id::bigint, version::bigint)
    FROM ROWS FROM (json_array_elements_text(%s::json), json_array_elements_text(%s::json)) AS held(id, version)
) IS NOT NULL
ORDER BY 1, kind COLLATE "C", value COLLATE "C"
ON CONFLICT DO NOTHING RETURNING workspace_id, kind, value
"""

# A separate statement: the one before cannot see the row of a concurrent winner that it waited for.
IDENTITY_OWNERS_SQL = """
SELECT i.workspace_id, i.kind, i.value, i.lead_id
FROM ROWS FROM (
    json_array_elements_text(%s::json), json_array_elements_text(%s::json), json_array_elements_text(%s::json)
) AS k(w, kind, value)
JOIN identities i ON i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
"""

_JOIN_BY_ID_SQL = "JOIN json_array_elements(%s::json) k ON l.workspace_id = (k->>0)::bigint AND l.id = (k->>1)::bigint"
_WHERE_OWNER_SQL = f"WHERE (l.workspace_id, l.id) IN (SELECT workspace_id, lead_id FROM ({IDENTITY_OWNERS_SQL}) held)"
LOCK_LEADS_SQL = "ORDER BY l.workspace_id, l.id FOR UPDATE OF l"

REASSIGN_IDENTITIES_SQL = f"""
UPDATE identities i SET lead_id = k.lead::bigint FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
"""

NOTE_IMPORTS_SQL = f"""
UPDATE identities i SET import_id = k.import::bigint FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, import)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
"""
CONFIRM_IDENTITIES_SQL = f"""
UPDATE identities i SET import_id = NULL FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value AND i.lead_id = k.lead::bigint
  AND i.import_id IS NOT NULL
"""

RELEASE_IDENTITIES_SQL = f"""
DELETE FROM identities i USING {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
WHERE i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value AND i.lead_id = k.lead::bigint
"""


async def claim(
    connection: StatementExecutor, wanted: Mapping[IdentityKey, int], hold: Mapping[int, int] | None = None
) -> list[IdentityKey]:
    """Make each key an identity of its lead unless another lead owns it. Return the keys that were not won.

    `hold` are the workspaces whose references are locked first, as by `reference_locks.lock_shared`: by id, with the
    versions that they must have. Raises a contention error if a version differs.
    """
    held = dict(sorted(hold.items())) if hold else {}
    asked = [*identity_columns(wanted), as_json(list(held)), as_json(list(held.values()))]
    won = {*await (await connection.execute(CLAIM_IDENTITIES_SQL, asked)).fetchall()}
    return [key for key in wanted if key not in won]


async def find_owners(connection: StatementExecutor, keys: Iterable[IdentityKey]) -> dict[IdentityKey, int]:
    """Return the leads that own those keys now. A key without an owner is missing."""
    rows = await (
        await connection.execute(IDENTITY_OWNERS_SQL, identity_columns(dict.fromkeys(keys, 0))[:3])
    ).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def note_imports(connection: StatementExecutor, joined: Mapping[IdentityKey, int]) -> None:
    """Note the imports that made leads known by keys that were won in this transaction."""
    await connection.execute(NOTE_IMPORTS_SQL, identity_columns(joined))


async def confirm(connection: StatementExecutor, owned: Mapping[IdentityKey, int]) -> None:
    """Note that keys of those leads do not depend on an import any more."""
    await connection.execute(CONFIRM_IDENTITIES_SQL, identity_columns(owned))


async def reassign(connection: StatementExecutor, owned: Mapping[IdentityKey, int]) -> None:
    """Assign keys that were won in this transaction to other leads."""
    await connection.execute(REASSIGN_IDENTITIES_SQL, identity_columns(owned))


async def release(connection: StatementExecutor, owned: Mapping[IdentityKey, int]) -> None:
    """Free the keys that those leads own. Do this last in a transaction, because others wait for it."""
    if owned:
        await connection.execute(RELEASE_IDENTITIES_SQL, identity_columns(owned))


def identity_columns(owned: Mapping[IdentityKey, int]) -> list[str]:
    """Return four JSON arrays: workspaces, kinds, values and leads."""
    workspaces, kinds, values = zip(*owned, strict=True) if owned else ((), (), ())
    return [as_json(column) for column in (workspaces, kinds, values, list(owned.values()))]


async def lock_leads(
    connection: StatementExecutor, leads: Iterable[LeadKey], columns: Sequence[str]
) -> dict[LeadKey, LeadState]:
    """Lock leads in the order that all transactions use, and read them. A deleted lead is missing."""
    return await _states_by_key(connection, leads, columns, LOCK_LEADS_SQL)


async def lock_owners(
    connection: StatementExecutor, keys: Sequence[IdentityKey], columns: Sequence[str]
) -> tuple[dict[int, LeadState], dict[IdentityKey, int]]:
    """Lock the leads that own those keys. Return their states by id, and the owners of the keys as of the locks.

    An owner that is not among the locked leads got its key, or was deleted, in the meantime. A locked owner keeps it.
    """
    asked = identity_columns(dict.fromkeys(keys, 0))[:3]
    # In pipeline mode this answer arrives with the next one.
    answer = await _select_leads(connection, _WHERE_OWNER_SQL, asked, columns, LOCK_LEADS_SQL)
    known = await find_owners(connection, keys)
    states = {state["id"]: state for state in await _fetch_states(answer, columns)}
    return states, known


async def read_unlocked(
    connection: StatementExecutor, leads: Iterable[LeadKey], columns: Sequence[str]
) -> dict[LeadKey, LeadState]:
    """Read leads without a lock. A deleted lead is missing."""
    return await _states_by_key(connection, leads, columns, "")


async def _states_by_key(
    connection: StatementExecutor, leads: Iterable[LeadKey], columns: Sequence[str], order_sql: str
) -> dict[LeadKey, LeadState]:
    states = await _fetch_states(
        await _select_leads(connection, _JOIN_BY_ID_SQL, [as_json(list(leads))], columns, order_sql), columns
    )
    return {(state["workspace_id"], state["id"]): state for state in states}


async def _select_leads(
    connection: StatementExecutor, from_sql: str, documents: list[str], columns: Sequence[str], order_sql: str
) -> StatementResult:
    names = ", ".join(f"l.{column}" for column in columns)
    statement = (
        f"SELECT {names}, (extract(epoch FROM l.submitted_at) * 1000)::bigint FROM leads l {from_sql} {order_sql}"
    )
    return await connection.execute(statement, documents)


async def _fetch_states(answer: StatementResult, columns: Sequence[str]) -> list[LeadState]:
    return [dict(zip((*columns, "submitted_at"), row, strict=True)) for row in await answer.fetchall()]
