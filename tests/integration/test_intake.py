"""What a gateway takes at once: bytes that wait to be stored, submissions in a flush, callers waiting for a verdict."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from services.gateway.intake import BUFFER_FULL_MESSAGE, MAX_UNFINISHED_OF_SOURCE
from shared.auth import installation_keys
from shared.intake.journal import MAX_ROW_BYTES, MAX_ROW_SUBMISSIONS, Lane
from shared.platform.db.connections import Connection
from shared.platform.errors import ServerError, ServiceUnavailable
from tests.support.gateway import (
    PATIENT,
    Callers,
    are_done,
    at_work,
    gateway,
    holding_up,
    sent,
    until_held_up,
    until_open,
    until_stored,
)
from tests.support.ingesting import drain, workspace_id
from tests.support.serving import served, settings_of, taking_no_writes
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

BODY = 600  # bytes, about, of a lead
ROOM = 3 * BODY + 200  # bytes: three leads, and no fourth
FLUSHES = "SELECT n FROM journal WHERE lane = %s ORDER BY id"
BY_LANE = "SELECT lane, sum(n)::int FROM journal GROUP BY lane ORDER BY lane"
QUIET = "SELECT convert_from(payload, 'UTF8') LIKE '%\"quiet\"%' FROM journal ORDER BY id"

# Whether a transaction waits for the disk, seen where it ends.
NOTE_COMMITS = """
CREATE TABLE commits (id bigint, n int, setting text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO commits VALUES (NEW.id, NEW.n, current_setting('synchronous_commit')); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION note();
"""

Reply = tuple[int, CIMultiDictProxy[str], Any]


class Sender:
    """Posts leads with a key of its own."""

    def __init__(self, client: aiohttp.ClientSession, secret: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {secret}", "Prefer": "respond-async"}

    async def post(self) -> Reply:
        lead = {"email": "a@example.com", "notes": "x" * (BODY - 38)}
        path = "/api/inbound/leads?tenant=main"
        async with self._client.post(path, json=lead, headers=self._headers) as answer:
            return answer.status, answer.headers, await answer.json()


@asynccontextmanager
async def sender(url: str, database: Connection, folder: Path, **settings: Any) -> AsyncIterator[Sender]:
    made = await installation_keys.create_key(database, "main", "tests", ["*"], rate_limit=None)
    async with served(settings_of(url, folder, buffer_bytes=ROOM, **settings)) as (client, _):
        yield Sender(client, made.key.secret)


async def flushes(connection: Connection, lane: Lane) -> list[int]:
    """How many submissions each had, in their order."""
    return [row[0] for row in await (await connection.execute(FLUSHES, (lane,))).fetchall()]


async def test_a_full_buffer_refuses_until_its_flush_is_through(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    async with sender(database_url, database, tmp_path, flush_timeout=PATIENT) as posts:
        async with holding_up(database_url):
            taken = [asyncio.create_task(posts.post())]
            await until_held_up(database)
            taken += [asyncio.create_task(posts.post()) for _ in range(2)]
            refused: list[Reply] = []

            async def is_full() -> bool:
                """One more may come before the two."""
                (done, _) = await asyncio.wait([asyncio.create_task(posts.post())], timeout=5)
                refused.extend(task.result() for task in done)
                return bool(done)

            await until_async(is_full, what="a refusal")
            assert not any(task.done() for task in taken)
        status, headers, body = refused[-1]
        assert (status, headers["Retry-After"], body["message"]) == (503, "2", BUFFER_FULL_MESSAGE)
        assert [(await task)[0] for task in taken] == [202] * 3
        assert [(await posts.post())[0] for _ in range(6)] == [202] * 6


async def test_refused_submissions_leave_the_buffer(database_url: str, database: Connection, tmp_path: Path) -> None:
    async with sender(database_url, database, tmp_path) as posts:
        async with taking_no_writes(database):

            async def is_refused() -> bool:
                return (await posts.post())[0] == 503

            await until_async(is_refused, what="a database that takes no writes")
            refused = [await posts.post() for _ in range(6)]
            assert {body["message"] for _, _, body in refused} == {ServiceUnavailable.default}

        async def is_taken() -> bool:
            return (await posts.post())[0] == 202

        await until_async(is_taken, what="a 202")


async def test_submissions_of_a_failed_flush_leave_the_buffer(database_url: str, tmp_path: Path) -> None:
    async with gateway(database_url, tmp_path, buffer_bytes=ROOM) as found:
        for n in range(1, 6):
            callers = Callers(found.intake)
            callers.come(Lane.PROMPT, sent(1, "\ud800", size=BODY))  # no JSON can be made of it
            (told,) = await callers.until_told(1)
            assert isinstance(told, ServerError), n


@pytest.mark.parametrize(
    ("lane", "size", "expected"),
    [
        (Lane.WAITED_FOR, 0, [1, 32, 32, 3]),  # few, so that gateway and worker take turns at a crowd
        (Lane.PROMPT, 0, [1, 500, 500, 3]),
        (Lane.BULK, MAX_ROW_BYTES // 2 - 100, [1, 2, 2, 2, 1]),
        (Lane.BULK, MAX_ROW_BYTES, [1, 1, 1]),
    ],
)
async def test_a_flush_has_no_more_than_a_worker_takes_at_once(
    database_url: str, database: Connection, tmp_path: Path, lane: Lane, size: int, expected: list[int]
) -> None:
    workspace = await workspace_id(database)
    async with gateway(database_url, tmp_path) as found:
        callers = Callers(found.intake)
        async with holding_up(database_url):
            callers.come(lane, sent(workspace))
            await until_held_up(database)
            callers.come(lane, *[sent(workspace, size=size) for _ in range(sum(expected) - 1)])
        assert set(await callers.until_told(sum(expected))) == {None}
    assert await flushes(database, lane) == expected


async def test_flooding_source_leaves_space_for_others_in_a_flush(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with gateway(database_url, tmp_path) as found:
        callers = Callers(found.intake)
        async with holding_up(database_url):
            callers.come(Lane.PROMPT, sent(workspace))
            await until_held_up(database)
            callers.come(Lane.PROMPT, *[sent(workspace, "loud") for _ in range(2 * MAX_ROW_SUBMISSIONS - 1)])
            callers.come(Lane.PROMPT, sent(workspace, "quiet"))
        await callers.until_told(2 * MAX_ROW_SUBMISSIONS + 1)
    assert await (await database.execute(QUIET)).fetchall() == [(False,), (True,), (False,)]


async def test_flush_is_durable_when_a_caller_is_answered_by_it(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    """Those who wait for a worker's commit are told by that; who is told 202 beside them is told by this one."""
    workspace = await workspace_id(database)
    await database.execute(NOTE_COMMITS)
    async with at_work(database_url, database, tmp_path) as found:
        callers = Callers(found.intake)
        async with holding_up(database_url):
            callers.come(Lane.WAITED_FOR, sent(workspace))
            await until_held_up(database)
            callers.come_and_wait(sent(workspace))
            callers.come(Lane.WAITED_FOR, sent(workspace))
        await until_stored(database, 3)
        callers.come_and_wait(sent(workspace))
        await until_stored(database, 4)
    commits = await (await database.execute("SELECT n, setting FROM commits ORDER BY id")).fetchall()
    assert commits == [(1, "on"), (2, "on"), (1, "off")]


async def test_over_so_many_waiting_callers_the_next_is_not_kept_waiting(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path, max_waiting=3) as found:
        for n in (1, 2):  # and again, when they have left
            await until_open(found)
            waiting, others = Callers(found.intake), Callers(found.intake)
            waiting.come_and_wait(*[sent(workspace) for _ in range(3)])
            others.come_and_wait(*[sent(workspace) for _ in range(2)])
            assert await others.until_told(2) == [None, None]
            await until_stored(database, 5)
            assert waiting.told == []
            assert await drain(database_url) == 5
            assert are_done(await waiting.until_told(3)), n


async def test_cancelled_callers_do_not_block_others_answers(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with gateway(database_url, tmp_path) as found:
        async with holding_up(database_url):
            accepted = [asyncio.create_task(found.intake.submit_all([sent(workspace)], Lane.PROMPT)) for _ in range(3)]
            await until_held_up(database)
            accepted[0].cancel()
            accepted[1].cancel()
        async with asyncio.timeout(60):
            assert await accepted[2] == [None]


async def test_callers_whose_time_is_up_make_room(database_url: str, database: Connection, tmp_path: Path) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path, max_waiting=2) as found:
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace), sent(workspace), seconds=0.2)
        assert not found.waiters.can_wait()
        assert await callers.until_told(2) == [None, None]
        await until_open(found)


async def test_callers_who_are_refused_make_room(database_url: str, database: Connection, tmp_path: Path) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path, max_waiting=3, buffer_bytes=1024) as found:
        callers = Callers(found.intake)
        callers.come_and_wait(*[sent(workspace, size=2000) for _ in range(5)])
        assert [str(told) for told in callers.told] == [BUFFER_FULL_MESSAGE] * 5
        assert found.waiters.can_wait()


async def test_a_crowd_of_one_source_gives_way_to_others_until_it_is_through(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers = Callers(found.intake)
        callers.come_and_wait(
            *[sent(workspace, "crowd") for _ in range(MAX_UNFINISHED_OF_SOURCE + 5)], sent(workspace, "alone")
        )
        await until_stored(database, MAX_UNFINISHED_OF_SOURCE + 6)
        lanes = await (await database.execute(BY_LANE)).fetchall()
        assert lanes == [(Lane.WAITED_FOR, MAX_UNFINISHED_OF_SOURCE + 1 + 1), (Lane.PROMPT, 4)]
        await drain(database_url)
        assert are_done(await callers.until_told(MAX_UNFINISHED_OF_SOURCE + 6))
        await until_open(found)
        callers.come_and_wait(sent(workspace, "crowd"))
        await until_stored(database, 1)
        assert await (await database.execute(BY_LANE)).fetchall() == [(Lane.WAITED_FOR, 1)]
