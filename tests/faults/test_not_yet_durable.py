"""What lies in the journal and is not on the disk yet, since its caller waits for more, when PostgreSQL crashes."""

import asyncio
import os
import signal
import time
import uuid
from contextlib import suppress
from typing import LiteralString

import psycopg
import pytest

from services.gateway.verdict_waiters import LISTENER_GRACE_SECONDS
from tests.faults.conftest import Settle
from tests.support.client import Answer, Client
from tests.support.processes import command_line, descendants, is_alive
from tests.support.stack import Database, Stack
from tests.support.waiting import background, until, until_async

pytestmark = pytest.mark.faults

N = 5
WAITING = "SELECT sum(n) FROM journal"
END_OF_LOG = "SELECT pg_current_wal_insert_lsn()"
IS_FLUSHED = "SELECT pg_current_wal_flush_lsn() > %s"
IS_UNWRITTEN = "SELECT pg_current_wal_lsn() <= %s"


@pytest.mark.parametrize(("wait", "status"), [(20, 201), (3, 202)])
async def test_submissions_lost_in_a_crash_are_stored_again(
    stack: Stack, client: Client, settle: Settle, wait: int, status: int
) -> None:
    """With a worker that is there again in time, and with none until the callers are let go. They are so, too, where
    PostgreSQL is away for longer than a gateway waits for its line."""
    async with background(stack.frozen("worker")), background(stack.frozen("sweeper")):
        posts = await stored_unwritten(stack, client, wait)
        crashed = time.monotonic()
        await asyncio.to_thread(crash, stack)
        await asyncio.to_thread(until, lambda: takes_callers(stack), what="PostgreSQL")
        was_away_for_long = time.monotonic() - crashed > LISTENER_GRACE_SECONDS - 1
        if status == 202:
            await asyncio.wait(posts)
    answers = await asyncio.gather(*posts)
    assert {answer.status for answer in answers} <= {status, 202 if was_away_for_long else status}, answers
    assert max(answer.seconds for answer in answers) < wait + 30
    await settle("PostgreSQL SIGKILL, rows not yet written", 1, client.told)


async def test_answered_submissions_survive_a_crash(stack: Stack, client: Client, settle: Settle) -> None:
    """The crash comes when the callers' time was up: nothing was lost then, and nothing may be lost now."""
    async with background(stack.frozen("worker")), background(stack.frozen("sweeper")):
        answers = await asyncio.gather(*await stored_unwritten(stack, client, 1))
        await asyncio.to_thread(crash, stack)
    assert {answer.status for answer in answers} == {202}
    await settle("PostgreSQL SIGKILL, right after 202s", 1, client.told)


async def test_202_without_waiting_means_on_disk(stack: Stack, client: Client, settle: Settle) -> None:
    """Nobody writes the log out but who must: PostgreSQL's own writer is stopped, and so are the workers."""
    async with background(stack.frozen("worker")), background(stack.frozen("sweeper")):
        stop_the_log_writer(stack)
        with stack.database() as database:
            for _ in range(N):
                start = one(database, END_OF_LOG)
                answer = await client.post({"email": f"{uuid.uuid4()}@durable.example.com"}, Prefer="respond-async")
                assert answer.status == 202
                assert one(database, IS_FLUSHED, start)
        await asyncio.to_thread(crash, stack)
    await settle("PostgreSQL SIGKILL, right after 202s at once", 1, client.told)


async def stored_unwritten(stack: Stack, client: Client, wait: int) -> list[asyncio.Task[Answer]]:
    """Posts that lie in the journal, the last of which have not left PostgreSQL's memory by a byte. Whoever else
    commits meanwhile writes them out, so it may take a few tries."""
    stop_the_log_writer(stack)
    posts: list[asyncio.Task[Answer]] = []
    with stack.database() as database:
        while True:
            start = one(database, END_OF_LOG)
            posts += [asyncio.create_task(post(client, wait)) for _ in range(N)]
            await until_waiting(database, len(posts))
            if one(database, IS_UNWRITTEN, start):
                return posts


def stop_the_log_writer(stack: Stack) -> None:
    for pid in descendants(stack.pid):
        if "walwriter" in command_line(pid):
            os.kill(pid, signal.SIGSTOP)


async def until_waiting(database: Database, n: int) -> None:
    await until_async(lambda: one(database, WAITING) == n, what="the leads in the journal")


async def post(client: Client, wait: int) -> Answer:
    return await client.post({"email": f"{uuid.uuid4()}@durable.example.com"}, Prefer=f"wait={wait}")


def one(database: Database, statement: LiteralString, *values: object) -> object:
    row = database.execute(statement, values).fetchone()
    return row and row[0]


def takes_callers(stack: Stack) -> bool:
    with suppress(psycopg.OperationalError), stack.database():
        return True
    return False


def crash(stack: Stack) -> None:
    """All of PostgreSQL's processes, at once, and wait for those that come after them."""
    gone = [pid for postmaster in stack.pids("postgres") for pid in (postmaster, *descendants(postmaster))]
    for pid in gone:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, gone)) and stack.pids("postgres"), what="another PostgreSQL")
