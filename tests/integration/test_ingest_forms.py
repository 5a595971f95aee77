"""What a form was filled in with, on its way through a worker: policy, tally, timeline, and once only."""

import json
from typing import Any

import pytest

from shared.accounting import counters
from shared.intake.journal import JournalItem
from shared.platform.db.connections import Connection
from shared.platform.ids import now_ms, uuid7
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.jobs import run_job

pytestmark = pytest.mark.integration

TALLY = """
SELECT ref_id, sum(n) FROM (SELECT ref_id, n FROM counters WHERE kind = 'form'
                            UNION ALL SELECT ref_id, n FROM counter_deltas WHERE kind = 'form') counts
GROUP BY ref_id ORDER BY ref_id
"""
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.company = 'Bad') EXECUTE FUNCTION refuse()
"""


def filled(workspace: int, form_id: int, lead: dict[str, Any], policy: str | None = None) -> JournalItem:
    """A submission of a form, as the gateway makes it."""
    at, part = now_ms(), {"id": form_id, "values": {"answer": 42, "empty": None}, "policy": policy}
    body = json.dumps({**lead, "_form": part}).encode()
    return JournalItem(uuid7(at), at, workspace, f"form:{form_id}", lead.get("source"), body)


async def rows(connection: Connection, query: str, *values: Any) -> list[Any]:
    return list(await (await connection.execute(query.encode(), values)).fetchall())


async def test_a_batch_of_forms_and_leads(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    nobody = [filled(workspace, 7, {"first_name": "Nobody"}) for _ in range(3)]
    known = [item(workspace, {"email": "a@example.com", "company": "Old"})]
    again = [filled(workspace, 8, {"email": "A@example.com", "company": "New"}, "overwrite")]
    await accept(database, [*known, *nobody, *again])
    assert await drain(database_url) == 5
    assert await rows(database, TALLY) == [(7, 3), (8, 1)]
    assert await rows(database, "SELECT count(*) FROM leads WHERE first_name = 'Nobody'") == [(3,)]
    assert await rows(database, "SELECT company FROM leads WHERE email IS NOT NULL") == [("New",)]
    entry = "SELECT type, data->>'form_id', data->>'channel', data->>'policy' FROM activities WHERE data ? 'form_id'"
    assert await rows(database, f"{entry} ORDER BY id DESC LIMIT 1") == [("lead.duplicate", "8", "form:8", "overwrite")]
    ((payload,),) = await rows(database, "SELECT payload FROM submissions WHERE id = %s", again[0].id)
    assert json.loads(payload)["_form"]["values"] == {"answer": 42, "empty": None}


async def test_a_form_without_a_policy_follows_the_workspace(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await database.execute("UPDATE workspaces SET merge_policy = 'keep'")
    await accept(database, [item(workspace, {"email": "a@example.com"})])
    await accept(database, [filled(workspace, 7, {"email": "a@example.com", "company": "Acme"})])
    await drain(database_url)
    assert await rows(database, "SELECT company FROM leads") == [(None,)]


async def test_a_second_run_counts_nothing_twice(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    items = [filled(workspace, form, {"first_name": "N"}) for form in (7, 7, 8)]
    for _ in range(2):
        await accept(database, items)
        await drain(database_url)
        await counters.fold_deltas(database)
    assert await rows(database, TALLY) == [(7, 2), (8, 1)]
    assert await rows(database, "SELECT count(*) FROM leads") == [(3,)]


async def test_dead_form_submission_is_counted_when_its_replay_succeeds(
    database_url: str, database: Connection
) -> None:
    workspace = await workspace_id(database)
    await database.execute(REFUSE)
    await accept(database, [filled(workspace, 7, {"company": "Bad"}), filled(workspace, 7, {"company": "Good"})])
    for _ in range(5):
        await drain(database_url)
        await database.execute("UPDATE journal SET due_at = now()")
    assert await rows(database, "SELECT state, count(*) FROM submissions GROUP BY 1 ORDER BY 1") == [
        ("dead", 1),
        ("done", 1),
    ]
    assert await rows(database, TALLY) == [(7, 1)]
    await database.execute("DROP FUNCTION refuse CASCADE")
    assert (await run_job(database, workspace, "replay", filters={"channel": "form:8"}))["done"] == 0
    assert (await run_job(database, workspace, "replay", filters={"channel": "form:7"}))["done"] == 1
    await drain(database_url)
    assert await rows(database, TALLY) == [(7, 2)]
    assert await rows(database, "SELECT data->>'form_id' FROM activities ORDER BY id DESC LIMIT 1") == [("7",)]
