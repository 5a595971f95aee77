"""Leads and their likeness in the test's own process: what the sweeper and a worker do, until nothing waits."""

from typing import Any

from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.read_models import fold_search_texts
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads, create_lead, delete_lead
from shared.likeness.pair_list import PairDict, PairFilter, list_pairs
from shared.platform.db.connections import Connection

CAUSE = ChangeCause("api", 1)


async def add_lead(database: Connection, workspace: int, **fields: Any) -> int:
    async with database.transaction():
        return await create_lead(database, workspace, fields, CAUSE)


async def change_lead(database: Connection, workspace: int, lead_id: int, **fields: Any) -> None:
    async with database.transaction():
        refused = await change_leads(database, [LeadChange(workspace, lead_id, cause=CAUSE, set_fields=fields)])
    assert not refused


async def remove_lead(database: Connection, workspace: int, lead_id: int) -> None:
    async with database.transaction():
        assert await delete_lead(database, workspace, lead_id, CAUSE)


async def find_pairs(database: Connection, workspace: int, **which: Any) -> list[PairDict]:
    """Let everything be compared that waits, and return the pairs that match."""
    await compare_all(database)
    return await list_pairs(database, workspace, PairFilter(**which), limit=1_000)


async def compare_all(database: Connection) -> None:
    while await fold_search_texts(database):
        pass
    assert await LikenessEngine(batch_seconds=None).run(database, seconds=60)


async def rows(database: Connection, statement: str, *values: Any) -> list[Any]:
    return await (await database.execute(statement, values)).fetchall()
