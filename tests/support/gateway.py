"""A gateway in the test's own process, met behind its HTTP: what is given to its intake, and what is told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.intake import SubmissionIntake
from services.gateway.verdict_waiters import SubmissionOutcome
from shared.intake.journal import JournalItem, Lane
from shared.intake.verdicts import Verdict
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import now_ms, uuid7
from tests.support.serving import served, settings_of
from tests.support.waiting import until_async

PATIENT = 30.0  # seconds that PostgreSQL has to store a flush: a test may hold it up
LONG = 600.0  # seconds that callers wait
AT_WORK = "INSERT INTO processes (name, kind, host, pid, seen_at) VALUES ('w', 'worker', 'here', 1, now() + '1 hour')"
HELD_UP = "SELECT count(*) FROM pg_locks WHERE relation = 'journal'::regclass AND NOT granted"
STORED = "SELECT coalesce(sum(n), 0) FROM journal"


@asynccontextmanager
async def gateway(url: str, folder: Path, **settings: Any) -> AsyncIterator[Gateway]:
    async with served(settings_of(url, folder, **{"flush_timeout": PATIENT, **settings})) as (_, app):
        yield app[GATEWAY_CONTEXT]


@asynccontextmanager
async def at_work(url: str, database: Connection, folder: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway that knows of a worker: callers can wait."""
    await database.execute(AT_WORK)
    async with gateway(url, folder, **settings) as found:
        await until_open(found)
        yield found


@asynccontextmanager
async def holding_up(url: str) -> AsyncIterator[Connection]:
    """Nothing is stored for as long as the block lasts."""
    async with connect(url, "tests holder") as holder, holder.transaction():
        await holder.execute("LOCK TABLE journal IN EXCLUSIVE MODE")
        yield holder


async def until_open(found: Gateway) -> None:
    await until_async(found.waiters.can_wait, what="a room with a line for verdicts")


async def number(connection: Connection, query: str) -> int:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def until_held_up(connection: Connection, flushes: int = 1) -> None:
    async def are_held_up() -> bool:
        return await number(connection, HELD_UP) == flushes

    await until_async(are_held_up, what="a flush that waits")


async def until_stored(connection: Connection, n: int) -> None:
    async def are_stored() -> bool:
        return await number(connection, STORED) == n

    await until_async(are_stored, what="what was taken, in the journal")


def sent(workspace: int, source: str | None = None, size: int = 0) -> JournalItem:
    body = b'{"email":"a@example.com","notes":"%s"}' % (b"x" * size)
    at = now_ms()
    return JournalItem(uuid7(at), at, workspace, "inbound", source, body)


class Callers:
    """Those who gave something to an intake, and what they were told."""

    def __init__(self, intake: SubmissionIntake) -> None:
        self._intake = intake
        self.told: list[SubmissionOutcome] = []

    def come(self, lane: Lane, *items: JournalItem) -> None:
        for item in items:
            self._intake.submit(item, lane, self.told.append)

    def come_and_wait(self, *items: JournalItem, seconds: float = LONG) -> None:
        for item in items:
            self._intake.submit_and_wait(item, Lane.WAITED_FOR, seconds, self.told.append)

    async def until_told(self, n: int) -> list[SubmissionOutcome]:
        await until_async(lambda: len(self.told) == n, what=f"an answer to all {n}")
        return self.told


def are_done(told: list[SubmissionOutcome]) -> bool:
    return all(isinstance(one, Verdict) and one.state == "done" for one in told)
