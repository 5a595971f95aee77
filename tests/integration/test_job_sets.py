"""The rows of a job are those that were counted at the first look, whatever comes and goes until it is confirmed."""

import pytest
import pytest_asyncio

from shared.jobs.job_control import CountMoved, JobRequest, confirm_job, read_job
from shared.jobs.job_targets import count_targets, read_clock
from shared.platform.db.connections import Connection, connect
from tests.integration.test_jobs import hold, states
from tests.support.ingesting import workspace_id
from tests.support.jobs import AUTHOR, run_due_jobs

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def test_set_is_that_of_the_first_look(database_url: str, database: Connection, workspace: int) -> None:
    await hold(database, workspace, 5)
    # One is under way at the look: its transaction has begun, so that it has its time, and nobody sees it yet.
    async with connect(database_url, "tests") as worker_connection, worker_connection.transaction():
        await hold(worker_connection, workspace, 1)
        as_of = await read_clock(database)
        assert await count_targets(database, "release", workspace, {}) == 5
    await hold(database, workspace, 3)
    request = JobRequest("release", as_of=as_of)
    for confirmed, total in ((5, 5), (7, 6)):
        job_id = await confirm_job(database, workspace, request, confirmed, AUTHOR)
        assert (await read_job(database, workspace, job_id))["total"] == total
    await database.execute(
        "DELETE FROM submissions WHERE id IN (SELECT id FROM submissions ORDER BY processed_at LIMIT 2)"
    )
    job_id = await confirm_job(database, workspace, request, 5, AUTHOR)
    assert (await read_job(database, workspace, job_id))["total"] == 4
    await run_due_jobs(database)
    assert await states(database) == {"quarantined": 3}


async def test_a_larger_set_than_the_confirmed_one_is_refused(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 5)
    await database.execute("UPDATE submissions SET processed_at = now() - interval '1 hour'")
    with pytest.raises(CountMoved):
        await confirm_job(database, workspace, JobRequest("release", as_of=await read_clock(database)), 4, AUTHOR)
