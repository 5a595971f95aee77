"""Turns at the console's connections: no workspace takes all, and no page waits for itself."""

import asyncio
from contextlib import ExitStack

import pytest

from services.console.web.connection_turns import TURNS_PER_OWNER, ConnectionTurns, turn_owner
from services.console.web.open_pages import MAX_ACCOUNT_PAGES, MAX_WORKSPACE_PAGES, TooManyPages
from services.console.web.open_pages import OpenPages as OpenPageCounts
from shared.platform import fair_limiter
from shared.platform.errors import Overloaded
from tests.support.waiting import DEADLINE_SECONDS, until_async

pytestmark = pytest.mark.unit


class OpenPages:
    """Pages that hold their turn until they may end. `reading` are the workspaces of those that have one."""

    def __init__(self) -> None:
        self.turns, self.reading, self.may_end = ConnectionTurns(), list[int](), asyncio.Event()

    async def read(self, workspace_id: int) -> None:
        turn_owner.set(workspace_id)
        async with self.turns.turn(), self.turns.turn():  # a page asks for a second connection
            self.reading.append(workspace_id)
            await self.may_end.wait()


async def test_a_crowd_of_one_workspace_leaves_turns_to_another() -> None:
    pages = OpenPages()
    crowd = [asyncio.create_task(pages.read(1)) for _ in range(50)]
    await until_async(lambda: len(pages.reading) == TURNS_PER_OWNER, what="the turns of a workspace")
    other = asyncio.create_task(pages.read(2))
    await until_async(lambda: 2 in pages.reading, what="the turn of another workspace")
    assert pages.reading.count(1) == TURNS_PER_OWNER
    pages.may_end.set()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(other, *crowd)


async def test_without_a_turn_in_time_it_is_an_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_limiter, "SLOT_TIMEOUT_SECONDS", 0.05)
    pages = OpenPages()
    held = [asyncio.create_task(pages.read(1)) for _ in range(TURNS_PER_OWNER)]
    await until_async(lambda: len(pages.reading) == TURNS_PER_OWNER)
    with pytest.raises(Overloaded, match="Try it again in a moment"):
        await pages.read(1)
    pages.may_end.set()
    await asyncio.gather(*held)


def test_an_account_and_a_workspace_have_so_many_pages_under_way() -> None:
    pages = OpenPageCounts()
    with ExitStack() as open_pages:
        for _ in range(MAX_ACCOUNT_PAGES):
            open_pages.enter_context(pages.counted(1, 7))
        with pytest.raises(TooManyPages), pages.counted(1, 8):
            pass
        for account_id in range(2, 2 + MAX_WORKSPACE_PAGES - MAX_ACCOUNT_PAGES):
            open_pages.enter_context(pages.counted(account_id, 7))
        with pytest.raises(TooManyPages), pages.counted(100, 7):
            pass
        with pages.counted(100, 8), pages.counted(100, 0):
            pass
    with pages.counted(1, 7):  # those that ended do not count
        pass
