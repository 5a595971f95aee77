"""What would become of a stored submission now: decided as ingest decides it, and stored nowhere."""

import uuid
from typing import Any

import orjson
import pytest

from shared.jobs.preview import preview_submission
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import NotFound
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

BURY = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
VALUES (%s, %s, %s, 'dead', 'inbound', %s, 5)
"""
# As an operator's own check: it knows the workers' sessions.
REFUSE_TEXTS = """
CREATE FUNCTION refuse_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') = 'leadhub worker'
       AND jsonb_typeof(NEW.custom_fields->'budget') = 'string' THEN
        RAISE EXCEPTION 'budget is text' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_texts BEFORE INSERT OR UPDATE ON leads FOR EACH ROW EXECUTE FUNCTION refuse_texts();
"""
COUNTS = "SELECT (SELECT count(*) FROM leads), (SELECT count(*) FROM activities), (SELECT count(*) FROM submissions)"


async def bury(database: Connection, workspace: int, payload: Any) -> uuid.UUID:
    id_ = uuid7(now_ms())
    await database.execute(BURY, (workspace, id_, received_time(id_), orjson.dumps(payload)))
    return uuid.UUID(id_)


async def test_a_preview_tells_the_lead_and_the_changes_and_stores_nothing(
    database_url: str, database: Connection
) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"email": "ada@example.com", "first_name": "Ada"})])
    await drain(database_url)
    [(lead,)] = await rows(database, "SELECT id FROM leads")
    id_ = await bury(database, workspace, {"email": "new@example.com", "company": "Acme"})
    before = await rows(database, COUNTS)
    as_it_is = await preview_submission(database, workspace, id_)
    assert as_it_is.outcome
    assert (as_it_is.outcome["is_duplicate"], as_it_is.differences) == (False, [])
    fixed = await preview_submission(database, workspace, id_, {"email": "ada@example.com", "company": "Acme"})
    assert fixed.outcome
    assert (fixed.outcome["lead_id"], fixed.outcome["changes"].keys()) == (lead, {"company"})
    assert [each["field"] for each in fixed.differences] == ["email"]
    assert await rows(database, COUNTS) == before


async def test_a_preview_of_a_payload_that_cannot_be_ingested_says_why(database: Connection) -> None:
    workspace = await workspace_id(database)
    id_ = await bury(database, workspace, ["no", "lead"])
    preview = await preview_submission(database, workspace, id_)
    assert (preview.outcome, preview.before) == (None, ["no", "lead"])
    assert preview.error


async def test_a_preview_writes_on_trial_and_says_what_the_database_refuses(
    database_url: str, database: Connection
) -> None:
    workspace = await workspace_id(database)
    known = {"email": "known@example.com", "first_name": "Ada"}
    await accept(database, [item(workspace, known)])
    await drain(database_url)
    await database.execute(REFUSE_TEXTS)
    before = await rows(database, COUNTS)
    for email in ("new@example.com", "known@example.com"):
        id_ = await bury(database, workspace, {"email": email, "custom_fields": {"budget": "much"}})
        refused = await preview_submission(database, workspace, id_)
        assert (refused.outcome, refused.error) == (None, "CheckViolation: budget is text")
        mended = await preview_submission(database, workspace, id_, {"email": email, "custom_fields": {"budget": 7}})
        assert (mended.outcome is None, mended.error) == (False, None)
    assert (await rows(database, COUNTS))[0][:2] == before[0][:2]
    assert await rows(database, "SELECT custom_fields FROM leads") == [({},)]


async def test_a_trial_waits_for_no_lead_that_is_being_written(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"email": "known@example.com", "first_name": "Ada"})])
    await drain(database_url)
    id_ = await bury(database, workspace, {"email": "known@example.com", "company": "Acme"})
    async with connect(database_url, "tests") as other, other.transaction():
        await other.execute("UPDATE leads SET company = 'Meanwhile'")
        preview = await preview_submission(database, workspace, id_)
    assert (preview.outcome is None, preview.error) == (False, None)


async def test_a_preview_of_another_workspaces_submission_is_not_found(database: Connection) -> None:
    workspace = await workspace_id(database)
    id_ = await bury(database, workspace, {"email": "ada@example.com"})
    for wanted, place in ((id_, workspace + 1), (uuid.uuid4(), workspace)):
        with pytest.raises(NotFound):
            await preview_submission(database, place, wanted)
