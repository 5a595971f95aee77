"""Writing leads through `shared/leads/writes` in the test's own process, and looking at what that left behind."""

import asyncio
import random
from typing import Any

from psycopg.rows import dict_row

from shared.leads import writes
from shared.leads.lead_records import read_leads
from shared.leads.writes import ChangeCause, LeadChange, RefusedChange
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import is_contention

BY = ChangeCause("api", 7)
ANNA = {"first_name": "Anna", "email": "anna@example.com", "phone": "+14155550100"}
Record = dict[str, Any]


async def create(connection: Connection, workspace: int, **fields: Any) -> int:
    """A new lead in a transaction of its own; its id. Raises `Refused`."""
    async with connection.transaction():
        return await writes.create_lead(connection, workspace, fields, BY)


async def change(connection: Connection, workspace: int, lead_id: int, **what: Any) -> list[RefusedChange]:
    """One change in a transaction of its own: `set_fields=…`, `add_tags=…` and so on."""
    async with connection.transaction():
        return await writes.change_leads(connection, [LeadChange(workspace, lead_id, cause=BY, **what)])


async def edit(connection: Connection, workspace: int, lead_id: int, **fields: Any) -> Record:
    """Sets fields, which must succeed; the lead as it is then."""
    assert await change(connection, workspace, lead_id, set_fields=fields) == []
    return await lead(connection, workspace, lead_id)


async def lead(connection: Connection, workspace: int, lead_id: int) -> Record:
    """The lead as the API shows it."""
    return (await read_leads(connection, [(workspace, lead_id)]))[workspace, lead_id]


async def identities(connection: Connection, lead_id: int) -> set[str]:
    """What the lead is recognised by."""
    rows = await connection.execute("SELECT value FROM identities WHERE lead_id = %s", (lead_id,))
    return {row[0] for row in await rows.fetchall()}


async def timeline(connection: Connection, lead_id: int) -> list[Record]:
    """Its entries, oldest first; each must have its event."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """SELECT a.type, a.data FROM activities a JOIN events e ON e.activity_id = a.id AND e.lead_id = a.lead_id
               AND e.type = a.type WHERE a.lead_id = %s ORDER BY a.id""",
            (lead_id,),
        )
        return await cursor.fetchall()


async def rows(connection: Connection, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """What a query finds."""
    return await (await connection.execute(statement, arguments)).fetchall()


async def until_uncontended(url: str, work: Any) -> Any:
    """What `work(connection)` comes to in a transaction, run again where others were in the way, as services do."""
    async with connect(url, "tests") as connection:
        for attempt in range(8):
            try:
                async with connection.transaction():
                    return await work(connection)
            except Exception as error:
                if not is_contention(error):
                    raise
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
    raise AssertionError("contended eight times")
