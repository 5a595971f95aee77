"""When a gateway sends a hint, and when it counts on a worker that is awake."""

import asyncio

import pytest

from shared.intake import hints
from shared.intake.hints import HINT_TIMEOUT_SECONDS, WORKER_AWAKE_SECONDS, HintThrottle
from tests.support.waiting import until_async

pytestmark = pytest.mark.unit


class Asked:
    """Takes a publisher's place and counts: what is under test is when it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def request_hint(self) -> None:
        self.times += 1

    def stop(self) -> None:
        pass


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are awake for longer than a busy machine's pauses."""
    monkeypatch.setattr(hints, "WORKER_AWAKE_SECONDS", 0.1)


@pytest.fixture
def hinter(asked: Asked) -> HintThrottle:
    return HintThrottle(asked)  # type: ignore[arg-type]


async def test_the_first_rows_are_hinted_at_once(hinter: HintThrottle, asked: Asked) -> None:
    hinter.note_commit(has_waiters=True)
    assert asked.times == 1


async def test_only_one_hint_is_outstanding(hinter: HintThrottle, asked: Asked) -> None:
    for _ in range(5):
        hinter.note_commit(has_waiters=True)
    assert asked.times == 1
    await until_async(lambda: asked.times == 2, HINT_TIMEOUT_SECONDS * 20, "the hint for the rows that came meanwhile")


@pytest.mark.usefixtures("awake")
async def test_a_worker_that_just_answered_is_not_called(hinter: HintThrottle, asked: Asked) -> None:
    hinter.note_commit(has_waiters=True)
    hinter.note_verdict()
    hinter.note_commit(has_waiters=True)
    hinter.note_verdict()
    assert asked.times == 1


@pytest.mark.usefixtures("awake")
async def test_held_back_hint_is_sent_when_the_worker_did_not_poll(hinter: HintThrottle, asked: Asked) -> None:
    hinter.note_commit(has_waiters=True)
    hinter.note_verdict()
    hinter.note_commit(has_waiters=True)
    assert asked.times == 1
    await until_async(lambda: asked.times == 2, WORKER_AWAKE_SECONDS * 50, "the hint that was held back")


async def test_a_worker_that_answered_a_while_ago_is_called_at_once(hinter: HintThrottle, asked: Asked) -> None:
    hinter.note_commit(has_waiters=True)
    hinter.note_verdict()
    asyncio.get_running_loop().call_later(WORKER_AWAKE_SECONDS * 1.5, lambda: hinter.note_commit(has_waiters=True))
    await until_async(lambda: asked.times == 2, WORKER_AWAKE_SECONDS * 50, "the second hint")


async def test_rows_that_nobody_waits_for_are_not_left_to_a_worker_that_looks_for_callers(
    hinter: HintThrottle, asked: Asked
) -> None:
    hinter.note_commit(has_waiters=True)
    hinter.note_verdict()
    hinter.note_commit(has_waiters=False)
    assert asked.times == 2
