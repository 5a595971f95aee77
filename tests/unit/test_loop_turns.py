"""A crowd of tasks takes turns of the event loop, and other work runs in between."""

import asyncio
import contextlib

from services.gateway.loop_turns import LoopTurns

BUSY_SOURCE, QUIET_SOURCE = 1, 2


class _Recorder:
    """Runs work in turns and records in which turn of the loop each piece ran."""

    def __init__(self) -> None:
        self.turns = LoopTurns()
        self.work: list[tuple[int, int]] = []  # turn of the loop, number of the task
        self._loop_turn = 0
        self.is_counting = True

    async def count_turns(self) -> None:
        """Play the other work of the loop: it is ready all the time."""
        while self.is_counting:
            self._loop_turn += 1
            await asyncio.sleep(0)

    async def work_in_turn(self, number: int, owner: int = BUSY_SOURCE) -> None:
        await self.turns.wait_turn(owner)
        self.work.append((self._loop_turn, number))

    @property
    def order(self) -> list[int]:
        return [number for _, number in self.work]


async def test_other_work_runs_between_any_two_tasks() -> None:
    recorder = _Recorder()
    other = asyncio.create_task(recorder.count_turns())
    await asyncio.gather(*[recorder.work_in_turn(number) for number in range(64)])
    recorder.is_counting = False
    await other
    assert recorder.order == list(range(64))
    assert len({turn for turn, _ in recorder.work}) == 64, "no two in one turn of the loop"


async def test_lone_task_waits_for_nothing() -> None:
    recorder = _Recorder()
    waiting = recorder.work_in_turn(1)
    with contextlib.suppress(StopIteration):
        waiting.send(None)
    assert recorder.order == [1]
    await asyncio.sleep(0)  # the turn ends


async def test_owners_alternate() -> None:
    recorder = _Recorder()
    crowd = [recorder.work_in_turn(number) for number in range(10)]
    await asyncio.gather(*crowd, recorder.work_in_turn(10, QUIET_SOURCE))
    assert recorder.order == [0, 1, 10, *range(2, 10)], "the quiet source waits for one of the crowd"


async def test_cancelled_tasks_give_up_their_turns() -> None:
    recorder = _Recorder()
    tasks = [asyncio.create_task(recorder.work_in_turn(number)) for number in range(6)]
    await asyncio.sleep(0)  # all wait, except the first
    tasks[1].cancel()
    tasks[2].cancel()
    tasks[5].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert recorder.order == [0, 3, 4]
    async with asyncio.timeout(60):
        await recorder.work_in_turn(6)
    assert recorder.order == [0, 3, 4, 6], "nothing is held back after the crowd"


async def test_turn_of_a_task_cancelled_too_late_is_not_lost() -> None:
    recorder = _Recorder()
    tasks = [asyncio.create_task(recorder.work_in_turn(number)) for number in range(3)]
    await asyncio.sleep(0)  # the second one is given its turn after this
    await asyncio.sleep(0)
    tasks[1].cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert recorder.order[0] == 0
    assert recorder.order[-1] == 2
