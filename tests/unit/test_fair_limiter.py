"""Turns at what is scarce: whose they are, in what order, and that none is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from shared.platform import fair_limiter
from shared.platform.errors import ServiceUnavailable
from shared.platform.fair_limiter import FairLimiter

pytestmark = pytest.mark.unit
GREEDY, GREEDIER, MODEST = 1, 2, 3


@asynccontextmanager
async def held(scarce: FairLimiter, who: int, n: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(n):
            await stack.enter_async_context(scarce.slot(who))
        yield


class Crowd:
    """Requests that take a turn and keep it until they are let go."""

    def __init__(self, scarce: FairLimiter) -> None:
        self._scarce = scarce
        self.served: list[int] = []
        self._gates: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def comes(self, *who: int) -> None:
        for one in who:
            self.tasks.append(asyncio.create_task(self._served(one)))
            await asyncio.sleep(0)

    async def let_go(self, nth: int) -> None:
        """The one that was served as the nth."""
        self._gates[nth].set()
        for _ in range(5):
            await asyncio.sleep(0)

    async def _served(self, who: int) -> None:
        async with self._scarce.slot(who):
            self.served.append(who)
            self._gates.append(gate := asyncio.Event())
            await gate.wait()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_tenant_without_a_slot_goes_before_tenants_with_one() -> None:
    crowd = Crowd(FairLimiter(4, 2, "full"))
    await crowd.comes(*[GREEDY] * 20, *[GREEDIER] * 20, MODEST)
    assert crowd.served == [GREEDY, GREEDY, GREEDIER, GREEDIER]
    await crowd.let_go(0)
    assert crowd.served[4:] == [MODEST]
    await crowd.let_go(4)
    assert crowd.served[5:] == [GREEDY]
    await crowd.end()


async def test_of_those_who_have_as_many_the_next_is_one_whose_last_turn_is_the_longest_ago() -> None:
    crowd = Crowd(FairLimiter(1, 1, "full"))
    await crowd.comes(GREEDY, GREEDY, GREEDY, GREEDIER, GREEDIER, MODEST)
    for nth in range(5):
        await crowd.let_go(nth)
    assert crowd.served == [GREEDY, GREEDIER, MODEST, GREEDY, GREEDIER, GREEDY]
    await crowd.end()


async def test_tenant_never_exceeds_its_share_of_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_limiter, "SLOT_TIMEOUT_SECONDS", 0.02)
    scarce = FairLimiter(4, 2, "full")
    async with held(scarce, GREEDY, 2):
        with pytest.raises(ServiceUnavailable, match="full"):
            async with scarce.slot(GREEDY):
                raise AssertionError("it was the third")
        async with held(scarce, MODEST, 2):
            pass


async def test_cancelled_waiters_lose_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = FairLimiter(3, 2, "full")
    crowd = Crowd(scarce)
    await crowd.comes(GREEDY, GREEDY, GREEDY, MODEST, MODEST)
    crowd.tasks[2].cancel()
    first = crowd.tasks[0]
    first.cancel()  # its turn passes on to one who is cancelled in the same moment
    await asyncio.sleep(0)
    crowd.tasks[4].cancel()
    await crowd.end()
    monkeypatch.setattr(fair_limiter, "SLOT_TIMEOUT_SECONDS", 0.02)
    async with held(scarce, GREEDY, 2), held(scarce, MODEST, 1):
        with pytest.raises(ServiceUnavailable):
            async with scarce.slot(GREEDIER):
                raise AssertionError("it was the fourth")


async def test_slot_release_survives_simultaneous_cancellations() -> None:
    scarce = FairLimiter(1, 1, "full")
    crowd = Crowd(scarce)
    await crowd.comes(GREEDY, MODEST, GREEDIER)
    ending = asyncio.create_task(crowd.let_go(0))
    await asyncio.sleep(0)
    for one in crowd.tasks[1:]:
        one.cancel()
    await ending
    await crowd.tasks[0]
    async with held(scarce, GREEDY, 1):
        pass
    await crowd.end()
