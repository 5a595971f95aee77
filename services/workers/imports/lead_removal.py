"""Delete many leads at once, as `delete_lead` deletes one: an undo takes back as many as an import made."""

from collections.abc import Collection
from typing import Any

from shared.leads import phone_handover, writes
from shared.leads.edit import ChangeCause
from shared.leads.lead_records import read_leads
from shared.platform.db.connections import Connection, as_json

DELETE_LEADS_SQL = tuple(statement.replace("= %(lead)s", "= ANY(%(leads)s)") for statement in writes.DELETE_LEAD_SQL)


async def remove_leads(
    connection: Connection, workspace_id: int, lead_ids: Collection[int], cause: ChangeCause
) -> None:
    """Delete leads that are locked, exist, and that nobody merged with another."""
    keys = {(workspace_id, lead_id) for lead_id in lead_ids}
    # Their phones may pass on to other leads, which must be locked with them: one by one.
    noted = await phone_handover.possible_duplicates_of(connection, keys)
    entangled = keys & await phone_handover.possible_duplicates_of(connection, noted)  # notes are on both leads
    for _, lead_id in sorted(entangled):
        await writes.delete_lead(connection, workspace_id, lead_id, cause)
    alone = sorted(keys - entangled)
    if not alone:
        return
    entries: list[dict[str, Any]] = [
        {"w": workspace_id, "lead_id": lead_id, "type": "lead.deleted", "data": {"by": cause.to_dict(), "lead": record}}
        for (_, lead_id), record in (await read_leads(connection, alone)).items()
    ]
    await connection.execute(writes.WRITE_LEADS_SQL, ("[]", "[]", as_json(entries)))
    values = {"w": workspace_id, "leads": [lead_id for _, lead_id in alone]}
    for statement in DELETE_LEADS_SQL:
        await connection.execute(statement, values)
