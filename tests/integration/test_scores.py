"""Scores by rules, and the automations that they set off."""

import asyncio

import pytest

from shared.automations.run_limits import SELF_TRIGGERED_REASON
from shared.leads.writes import delete_lead
from shared.platform.db.connections import Connection
from tests.support.automating import action, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id
from tests.support.leads import BY

pytestmark = pytest.mark.integration

UNNAMED = """
INSERT INTO scoring_rules (workspace_id, field, operator, points) VALUES (%s, 'company', 'is_empty', 60)
"""


async def test_a_score_that_follows_an_automation_is_a_link_of_its_chain(
    database_url: str, database: Connection
) -> None:
    await database.execute(UNNAMED, (await workspace_id(database),))
    crossing = {"type": "lead_score_crossed", "threshold": 50}
    above = await save(database, {**crossing, "direction": "above"}, action("set_field", field="company", value="x"))
    below = await save(database, {**crossing, "direction": "below"}, action("set_field", field="company", value=None))
    await leads(database_url, database, {"email": "a@example.com"})
    async with asyncio.timeout(60):
        await run(database_url)
    found = await runs(database)
    assert [(one["automation_id"], one["state"]) for one in found] == [
        (above, "done"),
        (below, "done"),
        (above, "stopped"),
    ]
    assert found[-1]["error"] == SELF_TRIGGERED_REASON


async def test_the_points_of_a_lead_that_is_deleted_are_forgotten(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await database.execute(UNNAMED, (workspace,))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    (lead,) = await rows(database, "SELECT lead_id, points::int FROM lead_points")
    assert lead["points"] == 60
    async with database.transaction():
        assert await delete_lead(database, workspace, lead["lead_id"], BY)
    await run(database_url)
    assert await rows(database, "SELECT FROM lead_points") == []
