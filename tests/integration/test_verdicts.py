"""Verdicts on their way to those who wait: late, lost, or too long to be sent."""

import asyncio
from pathlib import Path

import pytest

from shared.intake.verdicts import LOOK_UP_STATE, Verdict, encode_replies
from shared.platform.db import notifications
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import ApiError, ServiceUnavailable
from tests.support.gateway import (
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
from tests.support.ingesting import drain, worker, workspace_id
from tests.support.spooling import spooling
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

LINES = "FROM pg_stat_activity WHERE application_name = 'leadhub notices' AND datname = current_database()"
END_LINE = f"SELECT pg_terminate_backend(pid, 5000) {LINES}"
DECIDE = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, lead_id, is_duplicate, payload, attempts)
VALUES (%s, %s, to_timestamp(%s / 1000.0), 'done', 'inbound', 7, false, '{}', 1)
"""


async def test_202_is_sent_only_after_the_submission_is_stored(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    """However long ago their time was up."""
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        stored, waiting = Callers(found.intake), Callers(found.intake)
        stored.come_and_wait(sent(workspace), seconds=2)
        await until_stored(database, 1)
        async with holding_up(database_url):
            waiting.come_and_wait(sent(workspace), seconds=0.01)
            await until_held_up(database)
            waiting.come_and_wait(sent(workspace), seconds=0.01)
            assert await stored.until_told(1) == [None]  # so the room has looked whose time is up
            assert waiting.told == []
            await until_held_up(database)  # nor is anything stored a second time
        assert await waiting.until_told(2) == [None, None]
        await until_stored(database, 3)


async def test_whose_submissions_go_to_the_spool_are_told_202_at_once(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    """No worker sees these before the database is back, and in the journal they are not: time does not run out."""
    workspace = await workspace_id(database)
    with spooling(tmp_path) as spool_url:
        settings = {"flush_timeout": 0.2, "spool_url": spool_url}
        async with at_work(database_url, database, tmp_path, **settings) as found, holding_up(database_url):
            callers = Callers(found.intake)
            callers.come_and_wait(sent(workspace), sent(workspace))
            assert await callers.until_told(2) == [None, None]
            assert found.waiters.can_wait()


async def test_caller_of_a_possibly_lost_submission_gets_503(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    """Their time is up, and neither store says whether they are on a disk."""
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path, flush_timeout=0.3) as found:
        lost, late = Callers(found.intake), Callers(found.intake)
        lost.come_and_wait(sent(workspace), seconds=3)
        await until_stored(database, 1)
        async with holding_up(database_url) as holder:
            await holder.execute("LOCK TABLE submissions IN ACCESS EXCLUSIVE MODE")
            (told,) = await lost.until_told(1)
        assert isinstance(told, ServiceUnavailable)
        await until_open(found)
        late.come_and_wait(sent(workspace), seconds=0.1)
        assert await late.until_told(1) == [None]


async def test_where_nobody_works_nobody_is_kept_waiting(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with gateway(database_url, tmp_path) as found:
        await until_async(lambda: found.waiters._is_listening, what="a line for verdicts")
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace))
        assert await callers.until_told(1) == [None]


async def test_time_runs_out_whatever_the_database_said_meanwhile(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        await database.execute("ALTER TABLE processes RENAME TO elsewhere")
        await until_async(lambda: not found.waiters.can_wait(), what="a look at the workers that failed")
        await database.execute("ALTER TABLE elsewhere RENAME TO processes")
        await until_open(found)
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace), seconds=0.1)
        assert await callers.until_told(1) == [None]


async def test_a_verdict_that_was_lost_with_its_line_is_looked_up(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LISTENER_RECONNECT_SECONDS", 3.0)  # time to decide in, while nobody listens
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found, connect(database_url, "tests worker") as connection:
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace), sent(workspace))
        await until_stored(database, 2)
        await database.execute(END_LINE)
        await until_async(lambda: not found.waiters.can_wait(), what="a room that lets nobody in for now")
        assert await worker(database_url, "w").drain(connection) == 2
        assert are_done(await callers.until_told(2))
        assert await drain(database_url) == 0
        await until_open(found)


@pytest.mark.parametrize("late_by", [0.0, 1.5])
async def test_a_verdict_that_nobody_sent_is_found_long_before_time_is_up(
    database_url: str, database: Connection, tmp_path: Path, late_by: float
) -> None:
    """By the first look, or by a later one."""
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers, item = Callers(found.intake), sent(workspace)
        callers.come_and_wait(item, sent(workspace))
        await until_stored(database, 2)
        await asyncio.sleep(late_by)
        await database.execute(DECIDE, (workspace, item.id, item.received_at))
        (told,) = await callers.until_told(1)
        assert isinstance(told, Verdict)
        assert told.lead_id == 7


async def test_a_verdict_that_nobody_sent_is_found_when_time_is_up(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers, item = Callers(found.intake), sent(workspace)
        callers.come_and_wait(item, sent(workspace), seconds=0.7)  # less than until the first look
        await until_stored(database, 2)
        await database.execute(DECIDE, (workspace, item.id, item.received_at))
        told = await callers.until_told(2)
        assert [one and one.lead_id for one in told if not isinstance(one, ApiError)] == [7, None]


async def test_submission_lost_in_a_crash_is_stored_again_after_reconnecting(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace))
        await until_stored(database, 1)
        await database.execute("DELETE FROM journal")
        await database.execute(END_LINE)
        await until_stored(database, 1)
        await until_open(found)
        assert await drain(database_url) == 1
        assert are_done(await callers.until_told(1))


async def test_a_line_that_stays_broken_is_not_waited_for(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LISTENER_RECONNECT_SECONDS", 60.0)
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers = Callers(found.intake)
        callers.come_and_wait(sent(workspace))
        await until_stored(database, 1)
        await database.execute(END_LINE)
        assert await callers.until_told(1) == [None]
        await until_stored(database, 1)


async def test_a_verdict_too_long_to_be_sent_is_looked_up_at_once(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    async with at_work(database_url, database, tmp_path) as found:
        callers, item = Callers(found.intake), sent(workspace)
        callers.come_and_wait(item)
        await until_stored(database, 1)
        await database.execute(DECIDE, (workspace, item.id, item.received_at))
        (payload,) = encode_replies([(item.reply, Verdict(LOOK_UP_STATE))])
        await database.execute("SELECT pg_notify(%s, %s)", (found.waiters.channel, payload))
        (told,) = await callers.until_told(1)
        assert isinstance(told, Verdict)
        assert (told.state, told.lead_id) == ("done", 7)
