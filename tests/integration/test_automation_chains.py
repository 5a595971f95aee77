"""Automations that set one another off: how far a change is from the outside world."""

import pytest

from services.workers.outbox import event_claims
from shared.automations.run_limits import MAX_CHAIN_LENGTH
from shared.leads.writes import ChangeCause, LeadChange, change_leads
from shared.platform.db.connections import Connection
from tests.support.automating import action, leads, rows, run, save

pytestmark = pytest.mark.integration

DEPTHS = "SELECT (data->'by'->>'depth')::int AS depth FROM activities WHERE type = 'lead.updated' ORDER BY id"


async def test_change_records_its_depth_in_a_chain_of_automations(database_url: str, database: Connection) -> None:
    for n in range(3):
        await save(database, {"type": "tag_added", "tag": f"t{n}"}, action("add_tag", tag=f"t{n + 1}"))
    await leads(database_url, database, {"email": "a@example.com", "tags": ["t0"]})
    await run(database_url)
    assert [row["depth"] for row in await rows(database, DEPTHS)] == [1, 2, 3]


async def test_a_chain_whose_runs_are_forgotten_is_as_long_as_it_was(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_updated"}, action("set_field", field="company", value="x"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    (lead,) = await rows(database, "SELECT workspace_id, id FROM leads")
    late = ChangeCause("automation", 7, depth=MAX_CHAIN_LENGTH, run=999_999)
    async with database.transaction():
        await change_leads(database, [LeadChange(*lead.values(), set_fields={"job_title": "y"}, cause=late)])
    async with database.transaction(force_rollback=True):
        (event,) = await event_claims.claim_events(database)
        assert len(event.chain) == MAX_CHAIN_LENGTH
    await run(database_url)
    assert await rows(database, "SELECT state FROM automation_runs") == [{"state": "stopped"}]
