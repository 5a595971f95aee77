"""What a source's lead sets off, beside that it came."""

import pytest

from shared.platform.db.connections import Connection
from tests.support.automating import action, leads, rows, run, runs, save, user

pytestmark = pytest.mark.integration

ANNA = {"email": "anna@example.com"}


async def test_a_lead_that_comes_with_its_user_is_assigned(database_url: str, database: Connection) -> None:
    assignee = await user(database, "ada@example.com")
    await save(database, {"type": "lead_assigned"}, action("add_tag", tag="taken"))
    await leads(database_url, database, {**ANNA, "assigned_user_id": assignee}, {"email": "ben@example.com"})
    await run(database_url)
    anna = "SELECT id AS lead_id FROM leads WHERE email = 'anna@example.com'"
    assert [{"lead_id": one["lead_id"]} for one in await runs(database)] == await rows(database, anna)


async def test_notes_of_a_duplicate_change_the_lead(database_url: str, database: Connection) -> None:
    automation = await save(database, {"type": "lead_updated", "fields": ["notes"]}, action("add_tag", tag="read"))
    await leads(database_url, database, ANNA, ANNA, {**ANNA, "notes": "Please call"})
    await run(database_url)
    assert [one["automation_id"] for one in await runs(database)] == [automation]
