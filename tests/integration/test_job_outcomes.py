"""What became of the rows of a job: a replay has run, and its verdicts come later."""

import pytest
import pytest_asyncio

from shared.jobs.job_outcomes import JobOutcomes, read_death_causes, read_outcomes_of
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection
from tests.support.ingesting import drain, workspace_id
from tests.support.jobs import run_job
from tests.support.leads import rows

pytestmark = pytest.mark.integration

ADD_DEAD = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
SELECT %s, gen_random_uuid(), date_trunc('milliseconds', now() - make_interval(secs => n)), 'dead', 'inbound',
       convert_to(format('{"email": "held%%s@example.com"}', n), 'UTF8'), 5
FROM generate_series(1, %s) n
"""
REFUSE_SECOND = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.email = 'held2@example.com')
EXECUTE FUNCTION refuse();
"""


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def test_replay_outcomes_follow_the_verdicts(database_url: str, database: Connection, workspace: int) -> None:
    await database.execute(ADD_DEAD, (workspace, 3))
    await database.execute(REFUSE_SECOND)
    job = await run_job(database, workspace, "replay")

    async def outcomes() -> JobOutcomes:
        return (await read_outcomes_of(database, workspace, [job["id"]]))[job["id"]]

    assert job["done"] == 3
    assert (await outcomes()).waiting == 3
    while (await outcomes()).waiting:
        await database.execute("UPDATE journal SET due_at = now()")  # without the pauses between attempts
        await drain(database_url)
    found = await outcomes()
    assert (found.done, found.died_again, found.is_settled, found.is_good) == (2, 1, True, False)
    [cause] = await read_death_causes(database, workspace, job["id"])
    assert (cause.died, cause.title is not None) == (1, True)
    assert await count_targets(database, "replay", workspace, {"job": job["id"]}) == 1


async def test_outcomes_of_other_jobs_are_those_of_their_rows(database: Connection, workspace: int) -> None:
    await database.execute(ADD_DEAD, (workspace, 2))
    await database.execute("UPDATE submissions SET state = 'quarantined'")
    job = await run_job(database, workspace, "reject")
    found = (await read_outcomes_of(database, workspace, [job["id"], 10**9]))[job["id"]]
    assert (found.done, found.held, found.is_good) == (2, 0, True)
    assert await rows(database, "SELECT count(*) FROM submissions WHERE rejected_at IS NULL") == [(0,)]
