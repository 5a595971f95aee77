"""Take back the emails and phones by which an import made leads known that were there before.

A row may have a lead's phone and another email: the lead keeps its own email, and is known by the other one as well.
"""

from collections.abc import Collection, Iterable, Mapping

from services.workers.imports.contact_uses import JoinedContact, UndoneImports
from services.workers.imports.row_effects import RowEffect
from services.workers.imports.snapshot_corrections import forget_identities
from services.workers.imports.value_recovery import ImportedValues
from shared.leads import identities, phone_handover
from shared.leads.edit import CONTACT_FIELDS, identity_keys_of
from shared.leads.identities import IDENTITY_ROWS_SQL
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.submission import IdentityKey
from shared.platform.db.connections import Connection

FIND_JOINED_SQL = f"""
SELECT i.workspace_id, i.kind, i.value, i.lead_id, i.import_id
FROM {IDENTITY_ROWS_SQL} AS k(w, kind, value, lead)
JOIN identities i ON i.workspace_id = k.w::bigint AND i.kind = k.kind AND i.value = k.value
  AND i.lead_id = k.lead::bigint AND i.import_id = ANY(%s)
"""
EARLIER_FILLINGS_SQL = """
SELECT lead_id, data -> 'changes' FROM activities
WHERE workspace_id = %s AND lead_id = ANY(%s) AND type = 'lead.duplicate' AND data ->> 'channel' = ANY(%s)
  AND data -> 'changes' ?| ARRAY['email', 'phone'] ORDER BY id DESC
"""


async def find_joined_contacts(
    connection: Connection, undone: UndoneImports, import_id: int, effects: Iterable[RowEffect]
) -> dict[IdentityKey, JoinedContact]:
    """Return the contacts of rows that undone imports joined to the rows' leads, which are locked.

    One that this import joined is found at the row that joined it.
    """
    named: dict[IdentityKey, int] = {}
    joined_here = set[IdentityKey]()
    for effect in effects:
        named |= dict.fromkeys(effect.contacts, effect.row.lead_id)
        joined_here |= {*effect.new_contacts}
    if not named:
        return {}
    asked = [*identities.identity_columns(named), list(undone.ids)]
    rows = await (await connection.execute(FIND_JOINED_SQL, asked)).fetchall()
    joined = {(row[0], row[1], row[2]): JoinedContact(row[3], row[4]) for row in rows}
    return {key: one for key, one in joined.items() if one.import_id != import_id or key in joined_here}


async def earlier_fillings(
    connection: Connection, undone: UndoneImports, contacts: Mapping[IdentityKey, JoinedContact]
) -> list[tuple[int, ImportedValues]]:
    """Return how imports that were undone before put such contacts into fields, with the leads, the last one first.

    Their undos left them there, for an import that is undone now used them.
    """
    earlier = {key: one for key, one in contacts.items() if one.import_id != undone.ids[0]}
    if not earlier:
        return []
    leads, channels = list({one.lead_id for one in earlier.values()}), undone.channels[1:]
    rows = await (await connection.execute(EARLIER_FILLINGS_SQL, (undone.workspace_id, leads, channels))).fetchall()
    fillings = []
    for lead_id, changes in rows:
        for name in changes.keys() & set(CONTACT_FIELDS):
            keys = identity_keys_of(undone.workspace_id, name, changes[name]["to"])
            if any(key in earlier and earlier[key].lead_id == lead_id for key in keys):
                fillings.append((lead_id, ImportedValues({name: changes[name]}, (), None)))
    return fillings


async def release_contacts(
    connection: Connection, workspace_id: int, contacts: Mapping[IdentityKey, JoinedContact]
) -> set[IdentityKey]:
    """Free contacts of locked leads, except those that the leads show. Return the freed ones.

    No undone merge claims them for the lead that had them before.
    """
    shown = await _shown_keys(connection, workspace_id, {one.lead_id for one in contacts.values()})
    freed = {key: one.lead_id for key, one in contacts.items() if key not in shown}
    if any(kind == "phone" for _, kind, _ in freed):
        owning = {(workspace_id, lead_id) for lead_id in freed.values()}
        await lock_with_duplicates(connection, owning, owning, ["workspace_id", "id"])
        await phone_handover.hand_over_phones(connection, freed)
    await forget_identities(connection, workspace_id, freed)
    await identities.release(connection, freed)
    return {*freed}


async def _shown_keys(connection: Connection, workspace_id: int, lead_ids: Collection[int]) -> set[IdentityKey]:
    leads = [(workspace_id, lead_id) for lead_id in lead_ids]
    states = await identities.read_unlocked(connection, leads, ("workspace_id", "id", *CONTACT_FIELDS))
    return {
        key
        for state in states.values()
        for name in CONTACT_FIELDS
        for key in identity_keys_of(workspace_id, name, state[name])
    }
