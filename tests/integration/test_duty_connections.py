"""Connections of the sweeper's duties: turns that are over at once share one, and a long one keeps no other waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.workers.due_work import DueWork
from services.workers.sweeper import duty_runner
from services.workers.sweeper.duty_runner import SWEEPER_APPLICATION, Duty, DutyRunner
from shared.platform.db.connections import Connection
from tests.support.leads import rows
from tests.support.waiting import DEADLINE_SECONDS, until_async

pytestmark = pytest.mark.integration

COUNT_SQL = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"


class Turns:
    """Duties that take turns. `taken` counts those that are over, `may_end` ends the long ones."""

    def __init__(self) -> None:
        self.taken, self.may_end = 0, asyncio.Event()

    async def take_short(self, connection: Connection) -> float:
        await connection.execute("SELECT pg_sleep(0.1)")
        self.taken += 1
        return 1_000.0

    async def take_long(self, connection: Connection) -> float:
        await connection.execute("SELECT 1")
        await self.may_end.wait()
        return 1_000.0


@asynccontextmanager
async def running(url: str, duties: list[Duty]) -> AsyncIterator[None]:
    """Run duties for the block."""
    stopping = asyncio.Event()
    runner = DutyRunner(url, DueWork(stopping), stopping)
    await runner.open()
    tasks = [asyncio.create_task(runner.run_duty(duty)) for duty in duties]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*tasks)
        await runner.close()


async def test_short_turns_share_connections(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty_runner, "SHARING_SECONDS", DEADLINE_SECONDS)
    turns = Turns()
    async with running(database_url, [Duty(turns.take_short, frozenset()) for _ in range(15)]):
        await until_async(lambda: turns.taken == 15, what="a turn of each duty")
        ((connections,),) = await rows(database, COUNT_SQL, SWEEPER_APPLICATION)
        assert connections <= 2  # the first turn may ask for one before the pool's own is there


async def test_long_turns_keep_no_other_one_waiting(database_url: str) -> None:
    turns = Turns()
    duties = [Duty(turns.take_long, frozenset()) for _ in range(10)] + [Duty(turns.take_short, frozenset())]
    async with running(database_url, duties):
        await until_async(lambda: turns.taken == 1, what="the short turn")
        turns.may_end.set()
