"""The queue of password hashes: a flood waits for itself, and is bounded."""

import asyncio
import time

import pytest

from shared.auth import hash_queue
from shared.auth.caller_turns import MAX_WAITING_CALLERS
from shared.auth.hash_queue import HashQueue
from shared.platform.errors import RateLimited

pytestmark = pytest.mark.unit
FLOODING_ADDRESSES = 50


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> HashQueue:
    monkeypatch.setattr(hash_queue, "CORES_PER_THREAD", 1 << 20)  # one thread on any machine
    return HashQueue()


async def test_who_asked_least_comes_before_fifty_who_ask_again_and_again(queue: HashQueue) -> None:
    served: list[str] = []
    is_flooded = asyncio.Event()

    async def attempt(caller: str) -> None:
        await queue.run_hash(caller, lambda: time.sleep(0.001))
        served.append(caller)
        if len(served) == 2 * FLOODING_ADDRESSES:
            is_flooded.set()

    async def flood(caller: str) -> None:
        while True:
            await attempt(caller)

    floods = [asyncio.create_task(flood(f"address {number}")) for number in range(FLOODING_ADDRESSES)]
    async with asyncio.timeout(20):
        await is_flooded.wait()
        before = len(served)
        await attempt("a person")
    # The hash that was being made, and at most one that ended before the person asked but was not told yet.
    assert len(served) - before <= 3
    for task in floods:
        task.cancel()
    await asyncio.gather(*floods, return_exceptions=True)


async def test_a_person_waits_for_none_of_fifty_who_came_just_before(queue: HashQueue) -> None:
    order: list[str] = []

    async def ask(caller: str) -> None:
        await queue.run_hash(caller, lambda: order.append(caller))

    await asyncio.gather(*(ask(f"address {number}") for number in range(FLOODING_ADDRESSES)), ask("a person"))
    assert order.index("a person") == 1


async def test_too_many_who_wait_are_refused_and_not_those_who_asked_least(queue: HashQueue) -> None:
    flood = [asyncio.create_task(queue.run_hash("flood", int)) for _ in range(MAX_WAITING_CALLERS + 11)]
    await asyncio.sleep(0)
    person = asyncio.create_task(queue.run_hash("a person", int))
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    assert await person == 0
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 11
    assert outcomes.count(0) == MAX_WAITING_CALLERS


async def test_who_was_right_counts_as_one_who_never_asked(queue: HashQueue) -> None:
    for _ in range(5):
        await queue.run_hash("a person", int)
        queue.forgive_hash("a person")
    order: list[str] = []

    async def ask(caller: str) -> None:
        await queue.run_hash(caller, lambda: order.append(caller))

    await asyncio.gather(*(ask(caller) for caller in ("busy", "x", "x", "a person")))
    assert order == ["busy", "a person", "x", "x"]


async def test_callers_who_leave_take_no_thread_with_them(queue: HashQueue) -> None:
    leaving = [asyncio.create_task(queue.run_hash("leaving", int)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        await queue.run_hash("failing", lambda: 1 // 0)
    async with asyncio.timeout(5):
        assert await queue.run_hash("a person", int) == 0
