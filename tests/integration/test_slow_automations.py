"""An event whose acting takes longer than the server allows: tried, set aside, and no other waits for it for ever."""

import pytest

from services.workers.automations.engine import AutomationEngine
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import is_unavailable
from tests.support.automating import action, engine, leads, rows, runs, save
from tests.support.database import skip_without

pytestmark = pytest.mark.integration

SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NEW; END';
CREATE TRIGGER dawdle BEFORE UPDATE ON leads FOR EACH ROW WHEN (NEW.company = 'slow') EXECUTE FUNCTION dawdle();
"""


MAKE_DUE = "UPDATE automation_runs SET due_at = now() WHERE due_at IS NOT NULL"


async def until_through(worker: AutomationEngine, url: str, limit: str) -> None:
    """As a process does: with a new connection, where the server ended the one before."""
    for _ in range(12):
        try:
            async with connect(url, "tests engine") as connection:
                await connection.execute(f"SET {limit} = '500ms'")
                await worker.run(connection)
                return
        except Exception as error:
            if not is_unavailable(error):
                raise
    pytest.fail("one event stops all others")


@pytest.mark.parametrize("limit", ["transaction_timeout", "statement_timeout"])
async def test_timed_out_event_does_not_block_other_events(database_url: str, database: Connection, limit: str) -> None:
    skip_without(limit, database)
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    slow = {"email": "slow@example.com", "company": "slow"}
    await leads(database_url, database, slow, *({"email": f"{n}@example.com"} for n in range(3)))
    await database.execute(SLOW)
    worker = engine()
    await until_through(worker, database_url, limit)
    for _ in range(5):
        await database.execute(MAKE_DUE)
        await until_through(worker, database_url, limit)
    found = await runs(database)
    assert [one["state"] for one in found].count("done") == 3
    (failed,) = [one for one in found if one["state"] == "failed"]
    assert failed["attempts"] == 5
    assert await rows(database, "SELECT count(*) AS n FROM leads WHERE tag_ids <> '{}'") == [{"n": 3}]
    assert await rows(database, "SELECT count(*) AS n FROM events WHERE type = 'lead.received'") == [{"n": 0}]


async def test_a_run_that_took_too_long_is_tried_again_in_earnest(database_url: str, database: Connection) -> None:
    """It may have been the database that was slow."""
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    await leads(database_url, database, {"email": "slow@example.com", "company": "slow"})
    await database.execute(SLOW)
    worker = engine()
    await until_through(worker, database_url, "statement_timeout")
    assert [(one["state"], one["attempts"]) for one in await runs(database)] == [("waiting", 1)]
    await database.execute("DROP FUNCTION dawdle CASCADE")
    await database.execute(MAKE_DUE)
    await until_through(worker, database_url, "statement_timeout")
    assert [one["state"] for one in await runs(database)] == ["done"]
