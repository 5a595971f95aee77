"""When a gateway sends a hint, and when it counts on a worker that is awake."""

import asyncio

import pytest

from shared import hints
from shared.hints import AWAKE, OUTSTANDING, Hinter
from tests.support.waiting import until_async

pytestmark = pytest.mark.unit


class Asked:
    """Takes a publisher's place and counts: what is under test is when it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def ask(self) -> None:
        self.times += 1

    def stop(self) -> None:
        pass


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are awake for longer than a busy machine's pauses."""
    monkeypatch.setattr(hints, "AWAKE", 0.1)


@pytest.fixture
def hinter(asked: Asked) -> Hinter:
    return Hinter(asked)  # type: ignore[arg-type]


async def test_the_first_rows_are_hinted_at_once(hinter: Hinter, asked: Asked) -> None:
    hinter.committed(hurried=True)
    assert asked.times == 1


async def test_one_hint_is_outstanding_at_a_time(hinter: Hinter, asked: Asked) -> None:
    for _ in range(5):
        hinter.committed(hurried=True)
    assert asked.times == 1
    await until_async(lambda: asked.times == 2, OUTSTANDING * 20, "the hint for the rows that came meanwhile")


@pytest.mark.usefixtures("awake")
async def test_a_worker_that_just_answered_is_not_called(hinter: Hinter, asked: Asked) -> None:
    hinter.committed(hurried=True)
    hinter.answered()
    hinter.committed(hurried=True)
    hinter.answered()
    assert asked.times == 1


@pytest.mark.usefixtures("awake")
async def test_it_is_called_when_it_did_not_look_again(hinter: Hinter, asked: Asked) -> None:
    hinter.committed(hurried=True)
    hinter.answered()
    hinter.committed(hurried=True)
    assert asked.times == 1
    await until_async(lambda: asked.times == 2, AWAKE * 50, "the hint that was held back")


async def test_a_worker_that_answered_a_while_ago_is_called_at_once(hinter: Hinter, asked: Asked) -> None:
    hinter.committed(hurried=True)
    hinter.answered()
    asyncio.get_running_loop().call_later(AWAKE * 1.5, lambda: hinter.committed(hurried=True))
    await until_async(lambda: asked.times == 2, AWAKE * 50, "the second hint")


async def test_rows_that_nobody_waits_for_are_not_left_to_a_worker_that_looks_for_callers(
    hinter: Hinter, asked: Asked
) -> None:
    hinter.committed(hurried=True)
    hinter.answered()
    hinter.committed(hurried=False)
    assert asked.times == 2
