"""A mail when a job ends: one for each user who asked, whoever ends the job, and none for those who asked too late."""

import asyncio

import orjson
import pytest
import pytest_asyncio

from services.workers.jobs.job_engine import JobEngine
from shared.jobs.job_control import cancel_job, read_job
from shared.jobs.job_followers import follow_job, is_following_job, unfollow_job
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict
from tests.support.ingesting import workspace_id
from tests.support.jobs import run_due_jobs, start_job
from tests.support.leads import rows

pytestmark = pytest.mark.integration

PAGE = "https://leads.example/console/main/jobs/1"
ADD_USER = "INSERT INTO users (workspace_id, name, email) VALUES (%s, 'U', %s) RETURNING id"
ADD_DEAD = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts)
SELECT %s, gen_random_uuid(), now(), 'dead', 'inbound', 'followed', '{"email": "a@example.com"}', 5
FROM generate_series(1, %s)
"""
MAILS = "SELECT user_id, kind, convert_from(payload, 'UTF8') FROM deliveries ORDER BY id"


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def add_user(database: Connection, workspace: int, email: str) -> int:
    row = await (await database.execute(ADD_USER, (workspace, email))).fetchone()
    assert row is not None
    return int(row[0])


async def test_each_follower_gets_one_mail_when_the_last_row_is_handled(database: Connection, workspace: int) -> None:
    await database.execute(ADD_DEAD, (workspace, 250))
    first, second, third = [await add_user(database, workspace, f"{n}@example.com") for n in range(3)]
    id_ = await start_job(database, workspace, "replay")
    for user in (first, second, third, first):
        await follow_job(database, workspace, id_, user, PAGE)
    await unfollow_job(database, workspace, id_, second)
    await database.execute("DELETE FROM users WHERE id = %s", (third,))
    await JobEngine().run_chunk(database)
    assert await rows(database, MAILS) == []
    await run_due_jobs(database)
    [(user, kind, payload)] = await rows(database, MAILS)
    mail = orjson.loads(payload)
    assert (user, kind, mail["subject"]) == (first, "notice", "Replay of 250: has run")
    assert "Decided anew: 250" in mail["body"]
    assert PAGE in mail["body"]
    assert not await is_following_job(database, workspace, id_, first)
    with pytest.raises(Conflict):
        await follow_job(database, workspace, id_, first, PAGE)
    with pytest.raises(Conflict):
        await follow_job(database, workspace + 1, id_, first, PAGE)


async def test_followers_are_told_that_the_rest_was_cancelled(database: Connection, workspace: int) -> None:
    await database.execute(ADD_DEAD, (workspace, 300))
    user = await add_user(database, workspace, "a@example.com")
    id_ = await start_job(database, workspace, "replay")
    await JobEngine().run_chunk(database)
    await follow_job(database, workspace, id_, user, PAGE)
    async with database.transaction():
        await cancel_job(database, workspace, id_)
    [(_, _, payload)] = await rows(database, MAILS)
    assert orjson.loads(payload)["subject"] == "Replay of 300: cancelled"
    assert "Left as they are: 100" in orjson.loads(payload)["body"]


async def test_whoever_asks_while_a_job_ends_is_told_or_refused(
    database_url: str, database: Connection, workspace: int
) -> None:
    users = [await add_user(database, workspace, f"{n}@example.com") for n in range(8)]
    for user in users:
        await database.execute(ADD_DEAD, (workspace, 1))
        id_ = await start_job(database, workspace, "replay")
        async with connect(database_url, "tests follower") as other:
            asked, _ = await asyncio.gather(
                follow_job(other, workspace, id_, user, PAGE), run_due_jobs(database), return_exceptions=True
            )
        await run_due_jobs(database)
        assert (await read_job(database, workspace, id_))["state"] == "done"
        told = await rows(database, f"{MAILS.replace('ORDER', 'WHERE user_id = %s ORDER')}", user)
        assert len(told) == (0 if isinstance(asked, Conflict) else 1), asked
