"""Reads and turns that many pages share: one read for all who ask, and a share of the time for all that is costly."""

import asyncio
import time

import pytest
from psycopg import OperationalError

from services.console.web.paced_turns import PacedTurns
from services.console.web.recent_reads import RecentReads

pytestmark = pytest.mark.unit


class Figures:
    """What is read. `gate` lets a read end."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_away = False
        self.gate = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.gate.wait()
        if self.is_away:
            raise OperationalError("away")
        return number


async def test_all_who_ask_at_once_share_one_read() -> None:
    recent, figures = RecentReads(), Figures()
    asking = [asyncio.create_task(recent.read("key", 60, figures.read)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    figures.gate.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 49
    assert await recent.read("key", 60, figures.read) == 1
    assert await recent.read("key", 0, figures.read) == 2


async def test_a_read_that_began_before_a_change_is_not_kept() -> None:
    recent, figures = RecentReads(), Figures()
    before = asyncio.create_task(recent.read("key", 60, figures.read))
    await asyncio.sleep(0)
    recent.forget("key")
    after = asyncio.create_task(recent.read("key", 60, figures.read))
    await asyncio.sleep(0)
    figures.gate.set()
    assert [await before, await after] == [1, 2]
    assert await recent.read("key", 60, figures.read) == 2


async def test_the_last_result_stays_while_the_database_is_away() -> None:
    recent, figures = RecentReads(), Figures()
    figures.gate.set()
    figures.is_away = True
    assert await recent.read_or_last("key", 0, figures.read, -1) == -1
    figures.is_away = False
    assert await recent.read_or_last("key", 0, figures.read, -1) == 2
    figures.is_away = True
    assert await recent.read_or_last("key", 0, figures.read, -1) == 2


async def test_turns_leave_the_rest_of_the_time_to_others() -> None:
    turns, began = PacedTurns(1, 0.25), time.monotonic()

    async def work() -> None:
        async with turns.turn():
            await asyncio.sleep(0.02)

    await asyncio.gather(*(work() for _ in range(4)))
    assert time.monotonic() - began >= 4 * 0.02 + 3 * 3 * 0.02


async def test_a_place_is_free_again_after_work_that_failed_or_was_given_up() -> None:
    turns = PacedTurns(1, 0.5)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.turn():
                raise ZeroDivisionError
    gone = asyncio.create_task(_hold(turns))
    await asyncio.sleep(0.01)
    gone.cancel()
    async with asyncio.timeout(5), turns.turn():
        pass


async def _hold(turns: PacedTurns) -> None:
    async with turns.turn():
        await asyncio.Event().wait()
