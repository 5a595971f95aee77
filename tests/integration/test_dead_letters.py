"""Leads that cannot be ingested: tried again later, and dead in the end."""

import orjson
import pytest

from services.workers.ingest.dead_letters import describe_error, mark_dead, schedule_retry
from shared.leads.submission import AcceptedSubmission, decode_submission
from shared.platform.db.connections import Connection
from tests.support.ingesting import item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

BAD = ValueError("not this one\nKey (email)=(ada@example.com) is there")


async def submission(connection: Connection, attempts: int) -> AcceptedSubmission:
    encoded = item(await workspace_id(connection), {"email": "ada@example.com"}, "a key").to_document()
    return decode_submission(orjson.loads(orjson.dumps(encoded)), "nobody", attempts)


async def test_ingest_retry_pause_doubles(database: Connection) -> None:
    for attempts in range(4):
        await schedule_retry(database, await submission(database, attempts), BAD)
    pauses = await rows(
        database, "SELECT extract(epoch FROM due_at - stored_at)::float8 FROM journal ORDER BY attempts"
    )
    assert [pause for (pause,) in pauses] == pytest.approx([0.25, 0.5, 1.0, 2.0], abs=0.1)


async def test_a_dead_one_keeps_its_key_and_tells_of_its_attempts(database: Connection) -> None:
    dead = await submission(database, 4)
    await mark_dead(database, dead, BAD)
    told = "SELECT id::text, state, attempts, error FROM submissions"
    assert await rows(database, told) == [(dead.id, "dead", 5, "ValueError: not this one")]
    assert await rows(database, "SELECT id::text FROM submission_keys") == [(dead.id,)]
    assert await rows(database, "SELECT state, n FROM ledger_deltas") == [("dead", 1)]


@pytest.mark.parametrize(("error", "text"), [(ValueError(), "ValueError: "), (ValueError("x" * 999), 500)])
def test_an_error_is_told_by_its_kind_and_first_line(error: Exception, text: str | int) -> None:
    told = describe_error(error)
    assert told == text if isinstance(text, str) else len(told) == text
