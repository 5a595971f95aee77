"""What would become of a stored submission now: decided as ingest decides it, and stored nowhere."""

import uuid
from typing import Any

import orjson
import pytest

from shared.jobs.preview import preview_submission
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

BURY = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
VALUES (%s, %s, %s, 'dead', 'inbound', %s, 5)
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


async def test_a_preview_of_another_workspaces_submission_is_not_found(database: Connection) -> None:
    workspace = await workspace_id(database)
    id_ = await bury(database, workspace, {"email": "ada@example.com"})
    for wanted, place in ((id_, workspace + 1), (uuid.uuid4(), workspace)):
        with pytest.raises(NotFound):
            await preview_submission(database, place, wanted)
