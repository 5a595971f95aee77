"""What automations make of merges: nothing that waits is lost, and nothing is done twice."""

import pytest

from shared.leads.lead_events import event_facts
from shared.merging.lead_merges import merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.platform.db.connections import Connection, connect
from tests.support import automating
from tests.support.automating import action, condition, run, runs, save
from tests.support.ingesting import workspace_id
from tests.support.leads import BY, create, lead, rows

pytestmark = pytest.mark.integration

DELAY = {"delay": {"days": 1}}
DUE_NOW = "UPDATE automation_runs SET due_at = now() WHERE due_at IS NOT NULL"


async def merge(database: Connection, workspace: int, winner: int, loser: int) -> int:
    async with database.transaction():
        return await merge_leads(database, workspace, winner, loser, BY)


async def test_a_waiting_run_goes_on_with_the_winner_and_comes_back(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await save(database, {"type": "tag_added", "tag": "go"}, DELAY, action("adjust_score", points=5))
    ada = await create(database, workspace, first_name="Ada")
    adele = await create(database, workspace, first_name="Adele", tags=["go"])
    await run(database_url)
    merge_id = await merge(database, workspace, ada, adele)
    await run(database_url)  # the merge's own event: the tag that came with the loser starts nothing
    assert [(one["lead_id"], one["state"]) for one in await runs(database)] == [(ada, "waiting")]
    async with database.transaction():
        await unmerge_lead(database, workspace, ada, merge_id, BY)
    assert [one["lead_id"] for one in await runs(database)] == [adele]
    await merge(database, workspace, ada, adele)
    await database.execute(DUE_NOW)
    await run(database_url)
    assert [(one["lead_id"], one["state"]) for one in await runs(database)] == [(ada, "done")]
    assert (await lead(database, workspace, ada))["lead_score"] == 5


async def test_events_that_wait_at_a_merge_are_the_winners(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    await save(database, {"type": "lead_updated", "fields": ["company"]}, action("adjust_score", points=1))
    ada = await create(database, workspace, first_name="Ada")
    adele = await create(database, workspace, first_name="Adele", company="Acme")
    await merge(database, workspace, ada, adele)
    await run(database_url, engines=2)
    assert [(one["lead_id"], one["state"]) for one in await runs(database)] == [(ada, "done")] * 3
    winner = await lead(database, workspace, ada)
    assert (winner["tags"], winner["lead_score"]) == (["seen"], 1)
    assert await rows(database, "SELECT count(*) FROM events") == [(0,)] or await rows(
        database, "SELECT DISTINCT lead_id FROM events"
    ) == [(ada,)]


async def test_a_run_that_an_engine_holds_at_a_merge_goes_on_with_the_winner(
    database_url: str, database: Connection
) -> None:
    workspace = await workspace_id(database)
    await save(database, {"type": "lead_created"}, condition("first_name", "equals", "Adele"), DELAY)
    adele = await create(database, workspace, first_name="Adele")
    await run(database_url)
    ada = await create(database, workspace, first_name="Ada")
    async with connect(database_url, "tests engine") as other, other.transaction():
        await other.execute("SELECT FROM automation_runs FOR UPDATE")  # as an engine that handles it
        await merge(database, workspace, ada, adele)
    assert [one["lead_id"] for one in await runs(database)] == [adele]
    await database.execute(DUE_NOW)
    await run(database_url)
    assert [(one["lead_id"], one["state"]) for one in await runs(database)] == [(ada, "done")] * 2  # and Ada's own


async def test_subscriptions_hear_of_merges(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    ada = await create(database, workspace, first_name="Ada")
    adele = await create(database, workspace, first_name="Adele", company="Acme")
    merge_id = await merge(database, workspace, ada, adele)
    entries = await automating.rows(database, "SELECT type, data FROM activities WHERE type = 'lead.merged'")
    (merged, updated) = event_facts(entries[0]["type"], entries[0]["data"])
    assert (merged.type, merged.data) == ("lead.merged", {"merge_id": merge_id, "merged_lead_id": adele})
    assert (updated.type, updated.data["fields"]) == ("lead.updated", ["company"])
